// SPDX-License-Identifier: Apache-2.0
//
// What a template shares with its forks, in huge pages: what each fork would otherwise be given page by page,
// fetch from files as it runs, and give back at its end. What a fork writes is copied in pages of the usual
// size, as before (docs/decisions/014-huge-pages.md has the figures).
#pragma once

namespace remuda::app {

// Code as far as it fills huge pages (template_huge_code.h), then data and the rest of the code
// (template_page_pieces.h).
//
// Nothing happens where the kernel has no MADV_COLLAPSE (Linux 6.1), no huge page is to be had, or
// REMUDA_HUGE_PAGES is "no"; code stays where memory that was written must not become executable.
void move_to_huge_pages();

}  // namespace remuda::app
