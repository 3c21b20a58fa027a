// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace remuda::app {

// Data that is written already (the heap, what interpreters have mapped, the program's variables) is replaced
// by a copy that lies in huge pages of memory, mapped piece by piece to where it was: the page tables have an
// entry for each small page still, but the kernel copies and drops those of one huge page in one go. A page
// that is written is copied alone, as before. At most 64 MiB. What cannot be moved stays as it is.
//
// Nothing happens while other threads run, which could write between the copy and the exchange.
void gather_data();

}  // namespace remuda::app
