// SPDX-License-Identifier: Apache-2.0
//
// See the header. The spawner resolves the program again, and strictly; this look only finds where its name
// ends and explains what is wrong.
#include "gateway/script_lookup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"

namespace remuda::gateway {

namespace {

constexpr auto kKnownFor = std::chrono::seconds(1);
constexpr size_t kMostKnown = 1024;

base::Fd open_beneath(int root, const std::string& relative) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long file = ::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how);
  if (file < 0 && (errno == ENOSYS || errno == EPERM))
    return base::Fd(::openat(root, relative.c_str(), O_PATH | O_CLOEXEC));
  return base::Fd(static_cast<int>(file));
}

Script refused(int status, std::string_view trouble) {
  return {.status = status, .trouble = trouble, .file = {}};
}

Script refused_for(int error) {
  switch (error) {
    case EXDEV:
    case ELOOP: return refused(403, "a link leads out of the application's root");
    case EACCES: return refused(403, "no permission to look at the program");
    case EMFILE:
    case ENFILE:
    case ENOMEM: return refused(503, "no descriptor or memory to look for the program");
    default: return refused(404, "there is no such program");
  }
}

// The end of the component that begins at `begin`, a slash.
size_t component_end(std::string_view path, size_t begin) {
  return std::min(path.find('/', begin + 1), path.size());
}

Script search(const std::string& root, std::string_view path) {
  const base::Fd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return refused(errno == ENOENT ? 404 : 403, "the application's root cannot be opened");
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = component_end(path, begin);
    if (end == begin + 1) break;  // a slash at the end
    if (path[begin + 1] == '.') return refused(404, "names that begin with a dot are hidden");
    const base::Fd file = open_beneath(directory.get(), std::string(path.substr(1, end - 1)));
    if (!file) return refused_for(errno);
    struct stat status{};
    if (::fstat(file.get(), &status) < 0) return refused_for(errno);
    if (S_ISREG(status.st_mode)) {
      if ((status.st_mode & 0111) == 0) return refused(403, "the program is not executable");
      return {
          .status = 0, .trouble = {}, .file = root + std::string(path.substr(0, end)), .name_length = end};
    }
    if (!S_ISDIR(status.st_mode)) return refused(403, "neither a file nor a directory");
    begin = end;
  }
  return refused(403, "a directory is not a program");
}

}  // namespace

ScriptLookup::ScriptLookup(loop::Loop& loop, loop::Offload& offload, std::string root)
    : loop_(loop), offload_(offload), root_(std::move(root)) {}

loop::Task<Script> ScriptLookup::find(std::string_view path) {
  if (const auto known = find_known(path))
    co_return Script{.status = 0,
                     .trouble = {},
                     .file = root_ + std::string(path.substr(0, *known)),
                     .name_length = *known};
  auto searched = co_await offload_.run(loop_, [&]() -> base::Result<Script> { return search(root_, path); });
  if (!searched) co_return refused(503, "too many files are waited for");
  if (searched->status == 0) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_.insert_or_assign(std::string(path.substr(0, searched->name_length)), loop_.now());
  }
  co_return std::move(*searched);
}

std::optional<size_t> ScriptLookup::find_known(std::string_view path) const {
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = component_end(path, begin);
    const auto known = known_.find(path.substr(0, end));
    if (known != known_.end()) {
      if (loop_.now() - known->second > kKnownFor) return std::nullopt;
      return end;
    }
    begin = end;
  }
  return std::nullopt;
}

}  // namespace remuda::gateway
