// SPDX-License-Identifier: Apache-2.0
//
// FileCache: what one loop knows of files: resolved paths with their bytes or an open descriptor.
//
// One per loop, used by all its FileHandlers, no lock. A slot stands for one path of one site and points to a
// FileEntry, which never changes: a file that changed gets a new entry, and the old one goes when the last
// response that sends it has ended.
//
//     find_fresh(site, path) --> the entry, at once             (the hot path: one hash, one comparison)
//        |  older than a second, or nothing there
//        '--> get(): the first who asks looks again on an offload thread; others wait for the same answer
//
// Bounds: entries, bytes in memory, descriptors; the ones not used lately go first (second chance). Refusals
// (404, 403) are shared by those who wait and then forgotten, so asking for what is not there fills nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/list.h"
#include "content/file_entry.h"
#include "content/file_lookup.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::content {

struct FileCacheLimits {
  size_t entries = 4096;
  size_t bytes = 32 << 20;    // of entries, with what they weigh; 0: nothing is kept at all
  size_t descriptors = 1024;  // of files too large for memory, kept open
  loop::Duration fresh = std::chrono::seconds(1);      // how long an entry is believed without looking
  loop::Duration patience = std::chrono::seconds(30);  // how long one request waits while another one looks
};

struct FileCacheCounters {
  uint64_t hits = 0;
  uint64_t misses = 0;         // looked because nothing was there
  uint64_t revalidations = 0;  // looked again: unchanged
  uint64_t replacements = 0;   // looked again: changed or gone
  uint64_t evictions = 0;
};

class FileCache {
 public:
  FileCache(loop::Loop& loop, FileCacheLimits limits);
  ~FileCache();  // nobody is looking any more
  FileCache(const FileCache&) = delete;
  FileCache& operator=(const FileCache&) = delete;

  // A number for each handler, so that the same path of two sites is two slots.
  uint32_t new_site() { return ++last_site_; }

  // The fresh entry that a request's path names as it came, or null. Finds only paths that need no decoding:
  // those that do are never found by their raw form. Not held: valid until the caller waits.
  FileEntry* find_fresh(uint32_t site, std::string_view raw_path);

  // The entry of a decoded path, looked up by `look` on an offload thread if it must be; held for the caller.
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
  class Pin;

  uint64_t hash_of(uint32_t site, std::string_view path) const;
  Slot*& bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  Slot* find(uint64_t hash, uint32_t site, std::string_view path);
  Slot& insert(uint64_t hash, uint32_t site, std::string_view path);
  bool is_fresh(const Slot& slot) const;
  loop::Task<base::Result<EntryPointer>> look_again(Slot& slot, const FileLookup& look,
                                                    loop::Offload& offload);
  loop::Task<base::Result<EntryPointer>> wait_for_look(Slot& slot);
  void take_in(Slot& slot, EntryPointer found);
  void set_entry(Slot& slot, EntryPointer entry);
  void forget(Slot& slot);
  void make_room();
  bool is_over() const;

  loop::Loop& loop_;
  const FileCacheLimits limits_;
  FileCacheCounters counters_;
  uint32_t last_site_ = 0;
  uint64_t seed_ = 0;  // so that nobody can choose paths that share a bucket
  std::vector<Slot*> buckets_;
  base::List<Slot> order_;  // the next to go first, unless it was used since it was looked at
  size_t slots_ = 0;        // in the table
  size_t entries_ = 0;      // of those, with an entry
  size_t bytes_ = 0;
  size_t descriptors_ = 0;
};

}  // namespace remuda::content
