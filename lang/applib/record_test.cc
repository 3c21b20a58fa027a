// SPDX-License-Identifier: Apache-2.0
//
// Records: any cut of the bytes, any padding.
