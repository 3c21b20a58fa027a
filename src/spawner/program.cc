// SPDX-License-Identifier: Apache-2.0
//
// openat2(2) with RESOLVE_BENEATH decides what lies below a root; where the kernel or a sandbox has no
// openat2, the kernel's own name of the opened file is compared instead.
#include "spawner/program.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "spawner/elf_file.h"

namespace remuda::spawner {

namespace {

constexpr int64_t kRootLasts = 1'000'000'000;

// The path that the kernel knows an open file by; empty if it cannot say.
std::string name_of(int fd) {
  std::array<char, PATH_MAX> name;
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), name.data(), name.size());
  return length > 0 ? std::string(name.data(), static_cast<size_t>(length)) : std::string();
}

int open_beneath_by_name(int root, const char* relative) {
  const int file = openat(root, relative, O_PATH | O_CLOEXEC);
  if (file < 0) return -1;
  const std::string root_name = name_of(root) + "/";
  if (root_name.size() > 1 && name_of(file).starts_with(root_name)) return file;
  close(file);
  errno = EXDEV;
  return -1;
}

int open_beneath(int root, const char* relative) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long file = syscall(SYS_openat2, root, relative, &how, sizeof how);
  if (file < 0 && (errno == ENOSYS || errno == EPERM)) return open_beneath_by_name(root, relative);
  return static_cast<int>(file);
}

bool has_execute_bit(const char* path) {
  struct stat status{};
  return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

}  // namespace

int Root::reopen(int64_t now_ns) {
  if (directory_ && now_ns - opened_ns_ < kRootLasts) return 0;
  directory_.reset(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  opened_ns_ = now_ns;
  return directory_ ? 0 : errno;
}

int Root::check(std::string_view program, int64_t now_ns) {
  if (!program.starts_with(path_)) return EXDEV;
  std::string_view relative = program.substr(path_.size());
  if (!path_.ends_with('/') && !relative.starts_with('/')) return EXDEV;
  while (relative.starts_with('/')) relative.remove_prefix(1);
  if (relative.empty()) return EISDIR;
  if (const int error = reopen(now_ns); error != 0) return error;
  // `program` comes from a packet, where a zero follows it.
  const base::Fd file(open_beneath(directory_.get(), relative.data()));
  return file ? 0 : errno;
}

bool may_be_set_by_request(std::string_view variable) {
  static constexpr std::string_view kPrefixes[] = {"HTTP_",      "REMOTE_",         "SERVER_",   "REQUEST_",
                                                   "SCRIPT_",    "CONTENT_",        "REDIRECT_", "SSL_",
                                                   "PATH_INFO=", "PATH_TRANSLATED="};
  static constexpr std::string_view kNames[] = {
      "QUERY_STRING", "GATEWAY_INTERFACE", "DOCUMENT_ROOT", "AUTH_TYPE", "HTTPS", "UNIQUE_ID"};
  const std::string_view name = variable.substr(0, variable.find('='));
  if (name.size() == variable.size() || name == "HTTP_PROXY") return false;  // httpoxy
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return variable.starts_with(prefix); }) ||
         std::ranges::find(kNames, name) != std::end(kNames);
}

bool may_be_set_by_pool(std::string_view variable) {
  constexpr std::string_view kPort = "PORT=";
  constexpr std::string_view kSocket = "REMUDA_SOCKET=/";
  if (!variable.starts_with(kPort)) return variable.starts_with(kSocket);
  const std::string_view digits = variable.substr(kPort.size());
  return !digits.empty() && digits.size() <= 5 &&
         std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

std::string filled_in(std::string_view argument, std::string_view variables) {
  std::string filled(argument);
  while (!variables.empty()) {
    const std::string_view variable = variables.substr(0, variables.find('\0'));
    variables.remove_prefix(std::min(variables.size(), variable.size() + 1));
    const std::string_view mark = variable.starts_with("PORT=") ? "{port}" : "{socket}";
    const std::string_view value = variable.substr(variable.find('=') + 1);
    for (size_t at = 0; (at = filled.find(mark, at)) != std::string::npos; at += value.size())
      filled.replace(at, mark.size(), value);
  }
  return filled;
}

Refusal explain_exec_failure(const char* program, int error) {
  const Refusal plain{error, Step::kExec, {}};
  if (error == EAGAIN)
    return {error, Step::kExec, "its user has as many processes as it may (process_limits.processes)"};
  if (error != ENOENT && error != EACCES && error != ENOTDIR && error != ELIBBAD) return plain;
  if (!has_execute_bit(program)) return plain;
  const std::string head = read_head(program, 4096);
  std::string interpreter = script_line(head).interpreter;
  if (interpreter.empty()) interpreter = interpreter_of_elf(head);
  if (interpreter.empty()) return plain;
  return {error, Step::kInterpreter, std::move(interpreter)};
}

}  // namespace remuda::spawner
