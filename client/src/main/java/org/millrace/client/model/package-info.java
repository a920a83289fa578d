// SPDX-License-Identifier: Apache-2.0
/** Where the files of a model come from: the local disk, the model hub, the default model. */
package org.millrace.client.model;
