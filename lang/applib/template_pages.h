// SPDX-License-Identifier: Apache-2.0
//
// What a template shares with its forks, in huge pages: one entry of the page tables instead of 512, that
// each fork neither copies, nor fetches page by page as it runs, nor gives back at its end. What a fork
// writes is copied in pages of the usual size, as before (docs/decisions/014-huge-pages.md has the figures).
#pragma once

namespace remuda::app {

// The code of the program and its libraries, with what is read-only beside it, is replaced by a copy in
// anonymous huge pages, as far as whole ones lie in it: at most 16 MiB. It is never writable where it can be
// executed. Data is gathered into huge pages where it fills most of them. Threads may run meanwhile: what
// they execute is replaced in one step.
//
// Nothing happens where the kernel has no MADV_COLLAPSE (Linux 6.1), no huge page is to be had, memory that
// was written must not become executable, or REMUDA_HUGE_PAGES is "no".
void move_to_huge_pages();

}  // namespace remuda::app
