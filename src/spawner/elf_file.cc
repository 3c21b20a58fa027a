// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/fd.h"

namespace remuda::spawner {

std::string read_head(const char* path, size_t most) {
  const base::Fd file(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!file || fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) return {};
  std::string head(most, '\0');
  const ssize_t got = read(file.get(), head.data(), head.size());
  head.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return head;
}

ScriptLine script_line(std::string_view head) {
  if (!head.starts_with("#!")) return {};
  head.remove_prefix(2);
  head = head.substr(0, head.find('\n'));
  const size_t begin = head.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  head.remove_prefix(begin);
  head = head.substr(0, head.find_last_not_of(" \t") + 1);
  const size_t end = std::min(head.find_first_of(" \t"), head.size());
  const std::string_view argument = head.substr(end);
  return {std::string(head.substr(0, end)),
          std::string(argument.substr(std::min(argument.find_first_not_of(" \t"), argument.size())))};
}

std::string interpreter_of_elf(std::string_view head) {
  Elf64_Ehdr elf;
  if (head.size() < sizeof elf || std::memcmp(head.data(), ELFMAG, SELFMAG) != 0) return {};
  std::memcpy(&elf, head.data(), sizeof elf);
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr)) return {};
  for (size_t i = 0; i < elf.e_phnum; ++i) {
    const size_t at = elf.e_phoff + i * sizeof(Elf64_Phdr);
    if (at > head.size() || head.size() - at < sizeof(Elf64_Phdr)) return {};
    Elf64_Phdr part;
    std::memcpy(&part, head.data() + at, sizeof part);
    if (part.p_type != PT_INTERP) continue;
    if (part.p_offset > head.size() || head.size() - part.p_offset < part.p_filesz) return {};
    const std::string_view name = head.substr(part.p_offset, part.p_filesz);
    return std::string(name.substr(0, name.find('\0')));
  }
  return {};
}

}  // namespace remuda::spawner
