/** Where the files of a model come from: the local disk, the model hub, the default model. */
package org.millrace.jobs.model;
