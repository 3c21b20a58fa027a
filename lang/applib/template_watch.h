// SPDX-License-Identifier: Apache-2.0
//
// What a template has loaded, and whether it is still the same. Directories are watched by inotify, so that
// files that are replaced are seen, and so are the links that lead to them (a deployment's "current"). A file
// that was written between open() and add() counts as changed: nobody knows which state was loaded.
//
// A file that is watched closely is looked at once more before each fork: notices are late for some file
// systems, and none come for what another machine writes.
#pragma once

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "memory.h"

namespace remuda::app {

enum class Closeness : uint8_t { kUsual, kClose };

class TemplateWatch {
 public:
  TemplateWatch() = default;
  TemplateWatch(const TemplateWatch&) = delete;
  TemplateWatch& operator=(const TemplateWatch&) = delete;
  ~TemplateWatch();

  // 0, or the error.
  int open();
  int fd() const { return fd_; }
  int add(const char* path, Closeness closeness);
  // Takes what the kernel has noticed.
  void hear();
  // A path that has changed since the last call of said(); null: none.
  const char* changed() const { return changed_; }
  void said() { changed_ = nullptr; }
  // The first of those that are watched closely. Looks at them.
  const char* stale();

 private:
  struct Entry {
    int directory;     // inotify's name for it
    char* path;        // owned
    const char* name;  // its last part
    Closeness closeness;
    dev_t device;
    ino_t inode;
    off_t size;
    timespec written;
    timespec touched;
  };
  struct Directory {
    int descriptor;
    char* path;
  };

  int add_entry(const char* path, Closeness closeness, const struct stat& now);
  int directory_of(const char* path, size_t size, int& descriptor);
  int add_links_of(const char* path);
  void note(Entry& entry);
  void hear_one(int directory, uint32_t mask, const char* name);

  int fd_ = -1;
  timespec opened_{};
  Array<Entry> entries_;
  Array<Directory> directories_;
  const char* changed_ = nullptr;
  const char* stale_ = nullptr;
};

}  // namespace remuda::app
