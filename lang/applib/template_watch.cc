// SPDX-License-Identifier: Apache-2.0
//
// See template_watch.h.
#include "template_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace remuda::app {
namespace {

// A new name is no event of its own: one that was watched has had to go before.
constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

bool before(const timespec& one, const timespec& other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}
bool same(const timespec& one, const timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

// The path from the root on. False: too long.
bool make_absolute(const char* path, char (&into)[PATH_MAX]) {
  if (*path == '/') return snprintf(into, sizeof(into), "%s", path) < static_cast<int>(sizeof(into));
  if (getcwd(into, sizeof(into)) == nullptr) return false;
  const size_t used = strlen(into);
  return snprintf(into + used, sizeof(into) - used, "/%s", path) < static_cast<int>(sizeof(into) - used);
}

}  // namespace

TemplateWatch::~TemplateWatch() {
  for (size_t i = 0; i < entries_.size(); ++i) free(entries_[i].path);
  for (size_t i = 0; i < directories_.size(); ++i) free(directories_[i].path);
  if (fd_ >= 0) close(fd_);
}

int TemplateWatch::open() {
  clock_gettime(CLOCK_REALTIME_COARSE, &opened_);  // the clock of files
  fd_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return fd_ < 0 ? errno : 0;
}

// One call of the kernel for a directory, however many of its files are watched.
int TemplateWatch::directory_of(const char* path, size_t size, int& descriptor) {
  for (size_t i = 0; i < directories_.size(); ++i) {
    const Directory& known = directories_[i];
    if (strncmp(known.path, path, size) == 0 && known.path[size] == '\0') {
      descriptor = known.descriptor;
      return 0;
    }
  }
  char* const copy = strndup(path, size);
  if (copy == nullptr) return ENOMEM;
  descriptor = inotify_add_watch(fd_, copy, kEvents | IN_ONLYDIR);
  const int error = descriptor < 0 ? errno : 0;
  if (error != 0 || !directories_.push({descriptor, copy})) {
    free(copy);
    return error != 0 ? error : ENOMEM;
  }
  return add_links_of(copy);
}

// The links among the directories that lead to `path`, itself included.
int TemplateWatch::add_links_of(const char* path) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof(part), "%s", path) >= static_cast<int>(sizeof(part))) return ENAMETOOLONG;
  for (size_t i = 1; part[0] == '/' && i <= strlen(path); ++i) {
    if (path[i] != '/' && path[i] != '\0') continue;
    part[i] = '\0';
    struct stat link;
    if (lstat(part, &link) == 0 && S_ISLNK(link.st_mode)) {
      if (const int error = add_entry(part, Closeness::kUsual, link); error != 0) return error;
    }
    part[i] = path[i];
  }
  return 0;
}

int TemplateWatch::add_entry(const char* path, Closeness closeness, const struct stat& now) {
  const char* const slash = strrchr(path, '/');
  Entry entry{};
  const size_t size = slash == path ? 1 : static_cast<size_t>(slash - path);
  if (const int error = directory_of(path, size, entry.directory); error != 0) return error;
  entry.path = strdup(path);
  if (entry.path == nullptr) return ENOMEM;
  entry.name = strrchr(entry.path, '/') + 1;
  entry.closeness = closeness;
  entry.device = now.st_dev;
  entry.inode = now.st_ino;
  entry.size = now.st_size;
  entry.written = now.st_mtim;
  entry.touched = now.st_ctim;
  if (!entries_.push(entry)) {
    free(entry.path);
    return ENOMEM;
  }
  if (!before(now.st_ctim, opened_)) note(entries_.back());
  return 0;
}

int TemplateWatch::add(const char* path, Closeness closeness) {
  char absolute[PATH_MAX];
  char target[PATH_MAX];
  if (!make_absolute(path, absolute)) return ENAMETOOLONG;
  struct stat link;
  struct stat file;
  if (lstat(absolute, &link) != 0 || stat(absolute, &file) != 0) return errno;
  if (!S_ISLNK(link.st_mode)) return add_entry(absolute, closeness, file);
  if (const int error = add_entry(absolute, Closeness::kUsual, link); error != 0) return error;
  if (closeness == Closeness::kClose) return add_entry(absolute, closeness, file);
  if (realpath(absolute, target) == nullptr) return errno;
  return add_entry(target, closeness, file);
}

void TemplateWatch::note(Entry& entry) {
  changed_ = entry.path;
  if (entry.closeness == Closeness::kClose && stale_ == nullptr) stale_ = entry.path;
}

void TemplateWatch::hear_one(int directory, uint32_t mask, const char* name) {
  const bool all = (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)) != 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const bool meant = (mask & IN_Q_OVERFLOW) != 0 || entry.directory == directory;
    if (meant && (all || strcmp(entry.name, name) == 0)) note(entry);
  }
}

void TemplateWatch::hear() {
  alignas(inotify_event) char events[4096];
  ssize_t size;
  while ((size = read(fd_, events, sizeof(events))) > 0) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      hear_one(event->wd, event->mask, event->len > 0 ? event->name : "");
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
}

const char* TemplateWatch::stale() {
  for (size_t i = 0; i < entries_.size() && stale_ == nullptr; ++i) {
    Entry& entry = entries_[i];
    if (entry.closeness != Closeness::kClose) continue;
    struct stat now;
    if (stat(entry.path, &now) != 0 || now.st_dev != entry.device || now.st_ino != entry.inode ||
        now.st_size != entry.size || !same(now.st_mtim, entry.written) || !same(now.st_ctim, entry.touched)) {
      note(entry);
    }
  }
  return stale_;
}

}  // namespace remuda::app
