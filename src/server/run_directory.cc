// SPDX-License-Identifier: Apache-2.0
//
// Everything is done below the descriptor of the base directory, which only we can write to.
#include "server/run_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace remuda::server {

namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kDeepest = 8;
constexpr std::string_view kLockEnding = ".lock";

std::string why() { return std::strerror(errno); }

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  DIR* const listing = ::fdopendir(::openat(directory, ".", kDirectory));
  if (listing == nullptr) return names;
  while (const dirent* const entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(listing);
  return names;
}

void remove_tree(int base, const std::string& name, int deeper = kDeepest) {
  if (::unlinkat(base, name.c_str(), 0) == 0 || errno == ENOENT || deeper == 0) return;
  const base::Fd directory(::openat(base, name.c_str(), kDirectory));
  if (!directory) return;
  for (const std::string& each : names_in(directory.get())) remove_tree(directory.get(), each, deeper - 1);
  ::unlinkat(base, name.c_str(), AT_REMOVEDIR);
}

// None if somebody else has it. A lock file that was removed between the two calls is not the one that others
// would find.
base::Fd try_lock(int base, const std::string& name) {
  while (true) {
    base::Fd lock(::openat(base, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) return {};
    struct stat ours{};
    struct stat named{};
    if (::fstat(lock.get(), &ours) < 0) return {};
    if (::fstatat(base, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_ino == named.st_ino)
      return lock;
  }
}

// "1f3a5c7e9b0d", "1f3a5c7e9b0d.4711": nothing else in the base is ours, whatever its ending.
bool names_a_server(std::string_view name) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kDigits = "0123456789";
  constexpr size_t kHashDigits = 12;
  if (name.size() < kHashDigits || name.find_first_not_of(kHex) < kHashDigits) return false;
  const std::string_view rest = name.substr(kHashDigits);
  if (rest.empty()) return true;
  return rest.size() > 1 && rest[0] == '.' && rest.find_first_not_of(kDigits, 1) == std::string_view::npos;
}

// Of servers that were killed, whatever their configuration.
void remove_left_behind(int base) {
  for (const std::string& each : names_in(base)) {
    if (!each.ends_with(kLockEnding)) continue;
    const std::string name = each.substr(0, each.size() - kLockEnding.size());
    if (!names_a_server(name)) continue;
    if (const base::Fd lock = try_lock(base, each)) {
      remove_tree(base, name);
      ::unlinkat(base, each.c_str(), 0);
    }
  }
}

std::expected<base::Fd, std::string> open_base(const std::string& path) {
  const bool is_new = ::mkdir(path.c_str(), 0711) == 0;
  if (!is_new && errno != EEXIST)
    return std::unexpected(fmt::format("cannot make the directory {}: {}", path, why()));
  base::Fd base(::open(path.c_str(), kDirectory));
  if (!base) return std::unexpected(fmt::format("cannot open the directory {}: {}", path, why()));
  if (is_new) ::fchmod(base.get(), 0711);  // whatever the umask: workers go through it
  struct stat facts{};
  if (::fstat(base.get(), &facts) < 0 || (facts.st_uid != ::geteuid() && facts.st_uid != 0) ||
      (facts.st_mode & 0022) != 0) {
    return std::unexpected(fmt::format(
        "the directory {} must belong to whoever starts the server, and nobody else may write there; "
        "set server.run_directory to another one",
        path));
  }
  return base;
}

std::expected<void, std::string> make_empty(int base, const std::string& name, const std::string& path,
                                            const std::optional<config::Identity>& owner) {
  remove_tree(base, name);
  const auto failed = [&] {
    return std::unexpected(fmt::format("cannot make the directory {}: {}", path, why()));
  };
  if (::mkdirat(base, name.c_str(), 0700) < 0) return failed();
  const base::Fd directory(::openat(base, name.c_str(), kDirectory));
  if (!directory || ::fchmod(directory.get(), 0700) < 0) return failed();
  if (owner && ::fchown(directory.get(), owner->user, owner->group) < 0) return failed();
  return {};
}

}  // namespace

std::expected<RunDirectory, std::string> RunDirectory::make(const std::string& wanted,
                                                            const std::optional<config::Identity>& owner) {
  const size_t slash = wanted.rfind('/');
  const std::string parent = wanted.substr(0, std::max<size_t>(slash, 1));
  auto base = open_base(parent);
  if (!base) return std::unexpected(base.error());
  RunDirectory made;
  made.base_ = std::move(*base);
  made.name_ = wanted.substr(slash + 1);
  remove_left_behind(made.base_.get());
  made.lock_ = try_lock(made.base_.get(), made.name_ + ".lock");
  if (!made.lock_) {
    made.second_ = true;
    made.name_ += fmt::format(".{}", ::getpid());
    made.lock_ = try_lock(made.base_.get(), made.name_ + ".lock");
  }
  if (!made.lock_)
    return std::unexpected(fmt::format("cannot lock {}/{}.lock: {}", parent, made.name_, why()));
  made.path_ = fmt::format("{}/{}", parent, made.name_);
  if (const auto empty = make_empty(made.base_.get(), made.name_, made.path_, owner); !empty)
    return std::unexpected(empty.error());
  return made;
}

void RunDirectory::remove() {
  if (!lock_) return;
  remove_tree(base_.get(), name_);
  ::unlinkat(base_.get(), (name_ + ".lock").c_str(), 0);
  lock_.reset();
}

}  // namespace remuda::server
