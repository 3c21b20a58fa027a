// SPDX-License-Identifier: Apache-2.0
//
// FileCache: what one loop knows of files: resolved paths with their bytes or an open descriptor.
//
// One per loop, used by all its FileHandlers, no lock. A slot stands for one path of one site and points to a
// FileEntry, which never changes: a file that changed gets a new entry, and the old one goes when the last
// response that sends it has ended.
//
//     find(site, path) ---- fresh ----> the entry, at once                       (the hot path: no call, no
//     allocation)
//        |  older than a second, or nothing there
//        '--> the first who asks looks again on an offload thread; others wait for the same answer
//
// Bounds: entries, bytes in memory, descriptors; the ones not used lately go first. Refusals (404, 403) are
// shared by those who wait and then forgotten, so asking for what is not there fills nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/list.h"
#include "content/file_entry.h"
#include "content/file_lookup.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::content {

struct FileCacheLimits {
  size_t entries = 4096;
  size_t bytes = 32 << 20;        // of files kept in memory; 0: nothing is kept at all
  size_t descriptors = 1024;      // of larger files, kept open
  size_t cached_file = 64 << 10;  // a file up to this size is kept in memory, a larger one as a descriptor
  loop::Duration fresh = std::chrono::seconds(1);  // how long an entry is believed without looking
};

struct FileCacheCounters {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t revalidations = 0;  // looked again: unchanged
  uint64_t replacements = 0;   // looked again: changed or gone
  uint64_t evictions = 0;
};

class FileCache {
 public:
  FileCache(loop::Loop& loop, FileCacheLimits limits);
  ~FileCache();  // nothing is looking any more
  FileCache(const FileCache&) = delete;
  FileCache& operator=(const FileCache&) = delete;

  // A number for each handler, so that the same path of two sites is two slots.
  uint32_t new_site() { return ++last_site_; }

  // A fresh entry under this path, or null. Not held: valid until the next wait.
  FileEntry* find_fresh(uint32_t site, std::string_view path);

  // The entry under this path, looked up by `look` on an offload thread if it must be; held for the caller.
  // EBUSY: too many are looking. ETIMEDOUT, ECANCELED: gave up waiting for another who looks.
  loop::Task<base::Result<EntryPointer>> get(uint32_t site, std::string_view path, const FileLookup& look,
                                             loop::Offload& offload);

  const FileCacheLimits& limits() const { return limits_; }
  const FileCacheCounters& counters() const { return counters_; }
  size_t entries() const { return entries_; }
  size_t bytes() const { return bytes_; }
  size_t descriptors() const { return descriptors_; }

 private:
  struct Slot;

  uint64_t hash(uint32_t site, std::string_view path) const;
  Slot* find(uint64_t hash, uint32_t site, std::string_view path) const;
  Slot& insert(uint64_t hash, uint32_t site, std::string_view path);
  void accept(Slot& slot, EntryPointer entry);
  void set_entry(Slot& slot, EntryPointer entry);
  void remove(Slot& slot);
  void unpin(Slot& slot);
  void make_room();

  loop::Loop& loop_;
  const FileCacheLimits limits_;
  FileCacheCounters counters_;
  uint32_t last_site_ = 0;
  uint64_t seed_ = 0;
  std::vector<Slot*> buckets_;
  base::List<Slot> order_;  // the next to go first, unless it was used since it was looked at
  size_t entries_ = 0;
  size_t bytes_ = 0;
  size_t descriptors_ = 0;
};

}  // namespace remuda::content
