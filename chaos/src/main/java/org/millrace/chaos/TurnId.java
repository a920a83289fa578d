// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

/** Names a turn. */
record TurnId(String session, String request) {
    @Override
    public String toString() {
        return session + "/" + request;
    }
}
