// SPDX-License-Identifier: Apache-2.0
/** Kernels for NVIDIA GPUs ({@code src/main/cuda}), launched through the CUDA driver by JCuda. */
package org.millrace.engine.kernels.cuda;
