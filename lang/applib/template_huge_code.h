// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace remuda::app {

// The code of the program and its libraries, with what is read-only beside it, is replaced by a copy in
// anonymous huge pages, as far as whole ones lie in it: at most 16 MiB. It is never writable where it can be
// executed. Threads may run meanwhile: what they execute is replaced in one step. What cannot be moved stays
// as it is.
void move_code();

}  // namespace remuda::app
