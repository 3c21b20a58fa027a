// SPDX-License-Identifier: Apache-2.0
//
// CHECK(condition) and DCHECK(condition): invariants of our own code, never of bytes from outside.
//
// CHECK stays on in release builds: a broken invariant ends the process loudly, and the supervisor starts
// another (principle 11). DCHECK costs nothing in release and is on in every other preset, fuzzing
// included.
#pragma once

namespace remuda::base {

// Writes "file:line: CHECK failed: condition" to stderr with one write(2) and aborts. Any thread.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace remuda::base

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::remuda::base::check_failed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif
