// SPDX-License-Identifier: Apache-2.0
/*
 * Code stays mapped in forks. The kernel leaves pages of files out of a fork's page table, which
 * then costs a fault for every few of them; but not of a mapping that has a page of its own. So one byte of
 * each is written again, as it is. What the kernel refuses is left as it was: nothing depends on it.
 */
#pragma once

void remuda_preload_keep_mapped(void);
