// SPDX-License-Identifier: Apache-2.0
//
// Both ways of resolving. The way by hand keeps a descriptor for each directory on the path, so that no
// rename while it walks can lead it out: ".." never asks the kernel where up is.
#include "content/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <vector>

namespace remuda::content {

namespace {

// openat2 refuses O_PATH with anything that only matters to reading.
constexpr int complete(int flags) { return flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY); }
constexpr int kMostLinks = 40;  // as the kernel has it
constexpr int kMostTries = 8;   // of openat2, when a rename comes between

base::Result<base::Fd> open_by_kernel(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(complete(flags));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kMostTries; ++i) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0) return base::Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return base::failure_from_errno("open a file");
}

class Walk {
 public:
  Walk(int directory, const std::string& path, int flags) : root_(directory), left_(path), flags_(flags) {}

  base::Result<base::Fd> run() {
    if (left_.size() >= PATH_MAX) return base::failure(ENAMETOOLONG, "open a file");
    if (left_.starts_with('/')) return base::failure(EXDEV, "open a file");
    while (true) {
      const std::string name = next_component();
      if (name.empty()) return open_last(".");
      if (name == ".") continue;
      const auto result = name == ".." ? step_up() : step(name);
      if (!result) return std::unexpected(result.error());
      if (opened_) return std::move(opened_);
    }
  }

 private:
  int here() const { return passed_.empty() ? root_ : passed_.back().get(); }

  // Takes the next component off what is left. must_be_directory_ says whether a slash followed it.
  std::string next_component() {
    const size_t begin = left_.find_first_not_of('/');
    if (begin == std::string::npos) return {};
    const size_t end = left_.find('/', begin);
    std::string name = left_.substr(begin, end == std::string::npos ? end : end - begin);
    left_ = end == std::string::npos ? std::string() : left_.substr(end);
    return name;
  }
  bool is_last() const { return left_.empty(); }

  base::Result<void> step_up() {
    if (passed_.empty()) return base::failure(EXDEV, "open a file");
    passed_.pop_back();
    return {};
  }

  base::Result<void> step(const std::string& name) {
    base::Fd next(::openat(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!next || ::fstat(next.get(), &status) != 0) return base::failure_from_errno("open a file");
    if (S_ISLNK(status.st_mode)) return follow(next.get());
    if (S_ISDIR(status.st_mode)) {
      passed_.push_back(std::move(next));
      return {};
    }
    if (!is_last()) return base::failure(ENOTDIR, "open a file");
    auto last = open_last(name.c_str());
    if (!last) return std::unexpected(last.error());
    opened_ = std::move(*last);
    return {};
  }

  base::Result<void> follow(int link) {
    if (++links_ > kMostLinks) return base::failure(ELOOP, "open a file");
    std::string target(PATH_MAX, '\0');
    const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
    if (length < 0) return base::failure_from_errno("read a link");
    target.resize(length);
    if (target.starts_with('/')) return base::failure(EXDEV, "open a file");
    if (target.size() + left_.size() >= PATH_MAX) return base::failure(ENAMETOOLONG, "open a file");
    left_ = target + left_;
    return {};
  }

  base::Result<base::Fd> open_last(const char* name) {
    base::Fd fd(::openat(here(), name, complete(flags_ | O_NOFOLLOW)));
    if (!fd) return base::failure_from_errno("open a file");
    return fd;
  }

  int root_;
  std::string left_;
  int flags_;
  int links_ = 0;
  std::vector<base::Fd> passed_;  // the directories from the root's child down to here
  base::Fd opened_;
};

}  // namespace

Resolution available_resolution(Resolution wished) {
  if (wished == Resolution::kByHand) return wished;
  const auto probe = open_by_kernel(AT_FDCWD, ".", O_PATH);
  // EPERM: a sandbox that does not know the call.
  const bool missing = !probe && (probe.error().code == ENOSYS || probe.error().code == EPERM);
  return missing ? Resolution::kByHand : Resolution::kKernel;
}

base::Result<base::Fd> open_beneath(int directory, const std::string& path, int flags,
                                    Resolution resolution) {
  if (resolution == Resolution::kByHand) return Walk(directory, path, flags).run();
  return open_by_kernel(directory, path.empty() ? "." : path.c_str(), flags);
}

}  // namespace remuda::content
