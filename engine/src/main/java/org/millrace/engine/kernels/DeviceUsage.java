package org.millrace.engine.kernels;

/**
 * What a GPU's memory and time are used for, by all processes and by this provider.
 *
 * @param freeBytes memory that nobody holds
 * @param totalBytes memory of the device
 * @param busyNanos time in which this provider had work queued on the device, from its start
 */
public record DeviceUsage(long freeBytes, long totalBytes, long busyNanos) {}
