// SPDX-License-Identifier: Apache-2.0
//
// Copies of what is to be kept are taken first (open_tree), then everything is made read-only and covered,
// then the copies are put back in their places (move_mount). The server's root directory need not be a mount
// point: a copy of it is put over the root of the namespace, where whoever enters the namespace stands.
#include "spawner/confinement/view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace remuda::spawner {

namespace {

using Outcome = std::expected<void, ConfinementFailure>;

constexpr const char* kFileSystem = "remuda";  // how mounts name their source
constexpr uint64_t kNothingSpecial = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr const char* kDevices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                    "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr const char* kPrivate[] = {"/tmp", "/var/tmp"};
constexpr const char* kEmpty[] = {"/home", "/root"};

std::unexpected<ConfinementFailure> failed(std::string what) {
  return std::unexpected(ConfinementFailure{errno, std::move(what)});
}

bool is_there(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

int set_attributes(int tree, uint64_t set, unsigned how_far) {
  mount_attr attributes{.attr_set = set, .propagation = MS_PRIVATE};
  return mount_setattr(tree, "", AT_EMPTY_PATH | how_far, &attributes, sizeof attributes);
}

// A part of the tree as it is outside, on its way to its place inside.
struct Copy {
  std::string path;
  base::Fd tree;
  bool is_directory = true;
  bool is_writable = false;
};

// What covers a directory, to be made read-only when what lies in it is there.
struct Cover {
  std::string path;
  base::Fd top;
};

class Builder {
 public:
  explicit Builder(const ViewRules& rules) : rules_(rules) {}

  Outcome build() {
    using Part = Outcome (Builder::*)();
    for (const Part part : {&Builder::take_copies, &Builder::take_root, &Builder::cover,
                            &Builder::make_devices, &Builder::make_proc, &Builder::arrange, &Builder::seal}) {
      if (auto done = (this->*part)(); !done) return done;
    }
    return {};
  }

 private:
  Outcome take_copies() {
    for (const char* device : kDevices) {
      if (!is_there(device)) continue;
      if (auto taken = take(devices_, device, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY); !taken) return taken;
    }
    for (const std::string& path : rules_.shown) {
      if (auto taken = take(copies_, path, kNothingSpecial | MOUNT_ATTR_RDONLY); !taken) return taken;
    }
    for (const std::string& path : rules_.writable) {
      if (auto taken = take(copies_, path, kNothingSpecial); !taken) return taken;
      copies_.back().is_writable = true;
    }
    return {};
  }

  Outcome take(std::vector<Copy>& copies, const std::string& path, uint64_t attributes) {
    Copy copy{.path = path, .is_directory = is_directory(path)};
    copy.tree.reset(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!copy.tree || set_attributes(copy.tree.get(), attributes, AT_RECURSIVE) < 0)
      return failed("keep " + path + " in its view");
    copies.push_back(std::move(copy));
    return {};
  }

  // Entering the namespace that one is in already leads to its root, out of a chroot, too.
  Outcome take_root() {
    const base::Fd space(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    const base::Fd root(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!space || !root) return failed("copy the file system");
    if (set_attributes(root.get(), kNothingSpecial | MOUNT_ATTR_RDONLY, AT_RECURSIVE) < 0)
      return failed("make the file system read-only");
    if (setns(space.get(), CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
      return failed("leave the server's file system");
    if (move_mount(root.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
        setns(space.get(), CLONE_NEWNS) < 0)
      return failed("enter its file system");
    return {};
  }

  Outcome cover() {
    for (const char* path : kPrivate) {
      if (!is_directory(path)) continue;
      if (auto made = make_private(path); !made) return made;
    }
    for (const char* path : kEmpty) {
      if (!is_directory(path)) continue;
      if (auto made = make_empty(path); !made) return made;
    }
    return {};
  }

  Outcome make_private(const std::string& path) {
    constexpr uint64_t kBytesOfAFile = 4096;  // of the kernel's memory for each, roughly
    const std::string options = "mode=1777,size=" + std::to_string(rules_.private_bytes) +
                                ",nr_inodes=" + std::to_string(rules_.private_bytes / kBytesOfAFile);
    if (mount(kFileSystem, path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) return {};
    return failed("give it a " + path + " of its own");
  }

  Outcome make_empty(const std::string& path) {
    if (mount(kFileSystem, path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") < 0)
      return failed("hide " + path);
    return remember_cover(path);
  }

  Outcome remember_cover(const std::string& path) {
    covers_.push_back({path, base::Fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))});
    return covers_.back().top ? Outcome() : failed("hide " + path);
  }

  bool is_covered(const std::string& path) const {
    return std::ranges::any_of(covers_, [&](const Cover& cover) { return cover.path == path; });
  }

  Outcome make_devices() {
    if (mount(kFileSystem, "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m") < 0)
      return failed("give it a /dev of its own");
    if (auto remembered = remember_cover("/dev"); !remembered) return remembered;
    for (const Copy& device : devices_) {
      if (auto done = put(device); !done) return done;
    }
    const auto link = [](const char* to, const char* name) { return symlink(to, name) == 0; };
    if (!link("/proc/self/fd", "/dev/fd") || !link("/proc/self/fd/0", "/dev/stdin") ||
        !link("/proc/self/fd/1", "/dev/stdout") || !link("/proc/self/fd/2", "/dev/stderr") ||
        mkdir("/dev/shm", 0755) < 0)
      return failed("fill its /dev");
    return make_private("/dev/shm");
  }

  Outcome make_proc() {
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible") == 0) return {};
    return failed("give it a /proc of its own");
  }

  // What is shown may lie in what is hidden, and the other way round: the outer one comes first.
  Outcome arrange() {
    struct Place {
      std::string path;
      const Copy* shown;
    };
    std::vector<Place> places;
    places.reserve(copies_.size() + rules_.hidden.size());
    for (const Copy& copy : copies_) places.push_back({copy.path, &copy});
    for (const std::string& path : rules_.hidden) places.push_back({path, nullptr});
    std::ranges::stable_sort(places, {}, [](const Place& place) { return place.path.size(); });
    for (const Place& place : places) {
      if (auto done = place.shown != nullptr ? show(*place.shown) : hide(place.path); !done) return done;
    }
    return {};
  }

  Outcome show(const Copy& copy) {
    const bool is_missing = !is_there(copy.path) || is_covered(copy.path);
    return copy.is_writable || is_missing ? put(copy) : Outcome();
  }

  Outcome put(const Copy& copy) {
    const std::filesystem::path path(copy.path);
    std::error_code error;
    if (!is_there(copy.path)) {
      std::filesystem::create_directories(copy.is_directory ? path : path.parent_path(), error);
      if (!copy.is_directory) base::Fd(open(copy.path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    if (move_mount(copy.tree.get(), "", AT_FDCWD, copy.path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
    return failed("show " + copy.path);
  }

  Outcome hide(const std::string& path) {
    if (!is_there(path)) return {};
    return is_directory(path) ? make_empty(path) : make_unreadable(path);
  }

  // A device where there are none: it cannot be opened.
  Outcome make_unreadable(const std::string& path) {
    const base::Fd device(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (device && set_attributes(device.get(), kNothingSpecial | MOUNT_ATTR_RDONLY, 0) == 0 &&
        move_mount(device.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0)
      return {};
    return failed("hide " + path);
  }

  Outcome seal() {
    for (const Cover& cover : covers_) {
      if (set_attributes(cover.top.get(), MOUNT_ATTR_RDONLY, 0) < 0)
        return failed("make " + cover.path + " read-only");
    }
    return {};
  }

  const ViewRules& rules_;
  std::vector<Copy> devices_;
  std::vector<Copy> copies_;
  std::vector<Cover> covers_;
};

}  // namespace

std::expected<void, ConfinementFailure> make_view(const ViewRules& rules) { return Builder(rules).build(); }

}  // namespace remuda::spawner
