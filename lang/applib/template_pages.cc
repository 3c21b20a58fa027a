// SPDX-License-Identifier: Apache-2.0
#include "template_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "template_huge_code.h"
#include "template_page_pieces.h"

namespace remuda::app {

void move_to_huge_pages() {
  const char* const wish = getenv("REMUDA_HUGE_PAGES");
  if (wish != nullptr && strcmp(wish, "no") == 0) return;
  // Ruby forbids them to its process, lest the kernel makes some of memory that is hardly used.
  const bool forbidden = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
  if (forbidden) prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  move_code();
  gather_pieces();
  if (forbidden) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

}  // namespace remuda::app
