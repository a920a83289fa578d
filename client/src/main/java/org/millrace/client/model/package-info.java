// SPDX-License-Identifier: Apache-2.0
/** Where the files of a model come from: the local disk, the model hub, packages. */
package org.millrace.client.model;
