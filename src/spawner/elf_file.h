// SPDX-License-Identifier: Apache-2.0
//
// What the beginning of an executable file says: its "#!" line, the dynamic loader that an ELF program names.
// Pure but for read_head().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace remuda::spawner {

// The first bytes of a regular file; empty if it cannot be read.
std::string read_head(const char* path, size_t most);

// "#!/path argument": as the kernel takes it apart, at most one argument.
struct ScriptLine {
  std::string interpreter;  // empty: there is no such line
  std::string argument;
};
ScriptLine script_line(std::string_view head);

// The dynamic loader that an ELF program of this machine's word size names; empty if it names none, or if it
// stands further on in the file than `head` reaches.
std::string interpreter_of_elf(std::string_view head);

}  // namespace remuda::spawner
