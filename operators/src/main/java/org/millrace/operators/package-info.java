/** The operator that generates: records in and out, step loop, admission, metrics. */
package org.millrace.operators;
