// SPDX-License-Identifier: Apache-2.0
//
// The real machine. Rights of another user are asked with the file system identity of this thread
// (setfsuid(2)), which the kernel itself then judges; it is put back before the function returns.
#include "config/machine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "config/trial.h"

namespace remuda::config {
namespace {

class FileSystemIdentity {
 public:
  explicit FileSystemIdentity(const std::optional<Identity>& as) : changed_(as.has_value()) {
    if (!changed_) return;
    group_ = static_cast<gid_t>(::setfsgid(as->group));
    user_ = static_cast<uid_t>(::setfsuid(as->user));
  }
  ~FileSystemIdentity() {
    if (!changed_) return;
    ::setfsuid(user_);
    ::setfsgid(group_);
  }
  FileSystemIdentity(const FileSystemIdentity&) = delete;
  FileSystemIdentity& operator=(const FileSystemIdentity&) = delete;

 private:
  bool changed_;
  uid_t user_ = 0;
  gid_t group_ = 0;
};

Access access_as(const std::string& path, mode_t kind, int rights, const std::optional<Identity>& as) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return errno == EACCES ? Access::kDenied : Access::kMissing;
  if ((status.st_mode & S_IFMT) != kind) return Access::kWrongKind;
  const FileSystemIdentity identity(as);
  return ::faccessat(AT_FDCWD, path.c_str(), rights, AT_EACCESS) == 0 ? Access::kGood : Access::kDenied;
}

std::optional<uint32_t> as_number(const std::string& text) {
  uint32_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  return error == std::errc{} && end == last ? std::optional(number) : std::nullopt;
}

__rlimit_resource kernel_name(Resource resource) {
  switch (resource) {
    case Resource::kOpenFiles: return RLIMIT_NOFILE;
    case Resource::kProcesses: return RLIMIT_NPROC;
    case Resource::kAddressSpace: return RLIMIT_AS;
    case Resource::kFileSize: return RLIMIT_FSIZE;
    case Resource::kCpuSeconds: return RLIMIT_CPU;
  }
  return RLIMIT_NOFILE;
}

// Who has CAP_SYS_RESOURCE sets hard limits as he likes, capabilities(7); root in a container may be without.
bool may_raise_limits() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective & CAP_TO_MASK(CAP_SYS_RESOURCE)) != 0;
}

class ThisMachine final : public Machine {
 public:
  bool is_root() const override { return ::geteuid() == 0; }

  std::optional<Identity> user(const std::string& name) const override {
    const auto number = as_number(name);
    const passwd* entry = number ? ::getpwuid(*number) : ::getpwnam(name.c_str());
    return entry == nullptr ? std::nullopt : std::optional(Identity{entry->pw_uid, entry->pw_gid});
  }

  std::optional<gid_t> group(const std::string& name) const override {
    const auto number = as_number(name);
    const struct group* entry = number ? ::getgrgid(*number) : ::getgrnam(name.c_str());
    return entry == nullptr ? std::nullopt : std::optional(entry->gr_gid);
  }

  Access directory(const std::string& path, const std::optional<Identity>& as) const override {
    return access_as(path, S_IFDIR, R_OK | X_OK, as);
  }
  Access program(const std::string& path, const std::optional<Identity>& as) const override {
    return access_as(path, S_IFREG, X_OK, as);
  }
  Access file(const std::string& path, const std::optional<Identity>& as) const override {
    return access_as(path, S_IFREG, R_OK, as);
  }

  std::string text(const std::string& path) const override {
    constexpr size_t kMost = 64 * 1024;
    const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    std::string text(kMost, '\0');
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : 0;
    text.resize(length > 0 ? static_cast<size_t>(length) : 0);
    return text;
  }

  bool holds(const std::string& path, std::string_view text) const override {
    constexpr size_t kMost = 64 * 1024 * 1024;
    const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
      return false;
    const size_t size = std::min(static_cast<size_t>(status.st_size), kMost);
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (mapped == MAP_FAILED) return false;
    const bool found = ::memmem(mapped, size, text.data(), text.size()) != nullptr;
    ::munmap(mapped, size);
    return found;
  }

  std::vector<std::string> names(const std::string& directory) const override {
    constexpr size_t kMost = 10'000;
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entries(directory, error);
    for (; !error && entries != std::filesystem::directory_iterator() && names.size() < kMost;
         entries.increment(error))
      names.push_back(entries->path().filename());
    std::ranges::sort(names);
    return names;
  }

  // Beside the program where it was built, else where it was installed.
  std::string loaders() const override {
    std::array<char, PATH_MAX> name;
    const ssize_t length = ::readlink("/proc/self/exe", name.data(), name.size());
    const std::filesystem::path program(
        std::string(name.data(), length > 0 ? static_cast<size_t>(length) : 0));
    const std::filesystem::path directory = program.parent_path();
    const std::string built = directory / "lib/remuda";
    if (this->directory(built, std::nullopt) == Access::kGood) return built;
    return directory.parent_path() / "lib/remuda";
  }

  std::optional<uint64_t> highest_limit(Resource resource) const override {
    rlimit limit{};
    if (may_raise_limits() || ::getrlimit(kernel_name(resource), &limit) != 0) return std::nullopt;
    return limit.rlim_max == RLIM_INFINITY ? std::nullopt : std::optional<uint64_t>(limit.rlim_max);
  }

  std::optional<Obstacle> obstacle_to(Means means) const override { return try_out(means); }
};

}  // namespace

const Machine& this_machine() {
  static const ThisMachine machine;
  return machine;
}

}  // namespace remuda::config
