// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import jcuda.driver.CUdeviceptr;

/** A pointer to device memory whose value can go into a kernel's arguments. */
final class DeviceAddress extends CUdeviceptr {
    long value() {
        return getNativePointer() + getByteOffset();
    }
}
