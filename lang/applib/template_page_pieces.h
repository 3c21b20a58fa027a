// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace remuda::app {

// Data that is written already (the heap, what interpreters have mapped, the program's variables) and the
// code of libraries are replaced by a copy that lies in huge pages of memory, mapped piece by piece to where
// they were. The page tables have an entry for each small page still, but the kernel copies and drops those
// of one huge page together, and none has to be fetched from a file. A page that is written is copied alone,
// as before. Code can be executed and not written, as before. At most 64 MiB; what cannot be moved stays as
// it is.
//
// Nothing happens while other threads run, or a sanitizer, which could write between the copy and the
// exchange.
void gather_pieces();

}  // namespace remuda::app
