// SPDX-License-Identifier: Apache-2.0
//
// A chained hash table of slots. A slot that is pinned (somebody looks, or waits for that) outlives its place
// in the table; all others are in it.
#include "content/file_cache.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "loop/event.h"

namespace remuda::content {

struct FileCache::Slot : base::Link<Slot> {
  explicit Slot(loop::Loop& loop) : looked(loop) {}

  Slot* next_in_bucket = nullptr;
  uint64_t hash = 0;
  uint32_t site = 0;
  bool plain = false;  // the path is spelled the same before and after decoding
  bool used = false;   // since make_room() last came by
  bool looking = false;
  bool in_table = true;
  uint32_t pins = 0;
  uint64_t looks = 0;  // that have ended
  loop::Time checked{};
  EntryPointer entry;
  size_t bytes = 0;        // what the entry was counted with
  size_t descriptors = 0;  // likewise
  std::string path;
  loop::Event looked;
};

// Keeps a slot that may leave the table meanwhile.
class FileCache::Pin {
 public:
  explicit Pin(Slot& slot) : slot_(slot) { ++slot_.pins; }
  ~Pin() {
    if (--slot_.pins == 0 && !slot_.in_table) delete &slot_;
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

 private:
  Slot& slot_;
};

namespace {

// Multiplies to 128 bits and folds: the mixing step of wyhash.
uint64_t mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t load(const char* from, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, from, bytes);
  return value;
}

constexpr uint64_t kFirst = 0xa0761d6478bd642f;
constexpr uint64_t kSecond = 0xe7037ed1a0b428db;

}  // namespace

FileCache::FileCache(loop::Loop& loop, FileCacheLimits limits)
    : loop_(loop), limits_(limits), buckets_(std::bit_ceil(std::max<size_t>(limits.entries, 16))) {
  CHECK(::getrandom(&seed_, sizeof seed_, GRND_INSECURE) == sizeof seed_);
}

FileCache::~FileCache() {
  order_.for_each([this](Slot& slot) {
    CHECK(slot.pins == 0);
    forget(slot);
  });
}

uint64_t FileCache::hash_of(uint32_t site, std::string_view path) const {
  uint64_t hash = seed_ ^ mix(site ^ kFirst, path.size() ^ kSecond);
  const char* at = path.data();
  size_t left = path.size();
  for (; left > 8; left -= 8, at += 8) hash = mix(load(at, 8) ^ kFirst, hash ^ kSecond);
  return mix(load(at, left) ^ kSecond, hash ^ kFirst);
}

FileCache::Slot* FileCache::find(uint64_t hash, uint32_t site, std::string_view path) {
  for (Slot* slot = bucket(hash); slot != nullptr; slot = slot->next_in_bucket) {
    if (slot->hash == hash && slot->site == site && slot->path == path) return slot;
  }
  return nullptr;
}

FileCache::Slot& FileCache::insert(uint64_t hash, uint32_t site, std::string_view path) {
  auto* slot = new Slot(loop_);
  slot->hash = hash;
  slot->site = site;
  slot->path = path;
  slot->plain = path.find('%') == std::string_view::npos;
  slot->next_in_bucket = std::exchange(bucket(hash), slot);
  order_.push_back(*slot);
  ++slots_;
  return *slot;
}

bool FileCache::is_fresh(const Slot& slot) const {
  return slot.entry && loop_.now() - slot.checked < limits_.fresh;
}

FileEntry* FileCache::find_fresh(uint32_t site, std::string_view raw_path) {
  Slot* const slot = find(hash_of(site, raw_path), site, raw_path);
  if (slot == nullptr || !slot->plain || !is_fresh(*slot)) return nullptr;
  slot->used = true;
  ++counters_.hits;
  return slot->entry.get();
}

loop::Task<base::Result<EntryPointer>> FileCache::get(uint32_t site, std::string_view path,
                                                      const FileLookup& look, loop::Offload& offload) {
  const uint64_t hash = hash_of(site, path);
  Slot* const found = find(hash, site, path);
  Slot& slot = found != nullptr ? *found : insert(hash, site, path);
  if (found != nullptr) slot.used = true;
  if (is_fresh(slot)) {
    ++counters_.hits;
    co_return slot.entry;
  }
  const Pin pin(slot);
  if (slot.looking) co_return co_await wait_for_look(slot);
  co_return co_await look_again(slot, look, offload);
}

loop::Task<base::Result<EntryPointer>> FileCache::wait_for_look(Slot& slot) {
  const loop::Time deadline = loop_.now() + limits_.patience;
  const uint64_t looks = slot.looks;
  while (slot.looks == looks) {
    const auto waited = co_await slot.looked.wait(deadline);
    if (!waited) co_return std::unexpected(waited.error());
  }
  if (!slot.entry) co_return base::failure(EBUSY, "look up a file");
  co_return slot.entry;
}

loop::Task<base::Result<EntryPointer>> FileCache::look_again(Slot& slot, const FileLookup& look,
                                                             loop::Offload& offload) {
  slot.looking = true;
  const EntryPointer known = slot.entry;
  auto found = co_await offload.run(
      loop_, [&look, &known]() -> base::Result<EntryPointer> { return look.run(known.get()); });
  slot.looking = false;
  ++slot.looks;
  slot.looked.notify_all();
  if (!found) {
    // Nobody could look. What was true a moment ago is better than nothing; the next request tries again.
    if (known) co_return known;
    forget(slot);
    co_return std::unexpected(found.error());
  }
  take_in(slot, std::move(*found));
  co_return slot.entry;
}

// What a look has found; null: what was known still holds.
void FileCache::take_in(Slot& slot, EntryPointer found) {
  slot.checked = loop_.now();
  if (!found) {
    ++counters_.revalidations;
    return;
  }
  ++(slot.entry ? counters_.replacements : counters_.misses);
  const bool keep = found->kind != FileEntry::Kind::kRefusal && limits_.bytes > 0;
  if (!keep) forget(slot);
  if (slot.in_table) {
    set_entry(slot, std::move(found));
    make_room();
  } else {
    slot.entry = std::move(found);  // for those who wait
  }
}

void FileCache::set_entry(Slot& slot, EntryPointer entry) {
  entries_ += (entry ? 1 : 0);
  entries_ -= (slot.entry ? 1 : 0);
  bytes_ -= std::exchange(slot.bytes, entry ? entry->memory() + sizeof(Slot) + slot.path.capacity() : 0);
  bytes_ += slot.bytes;
  descriptors_ -= std::exchange(slot.descriptors, entry ? entry->descriptors() : 0);
  descriptors_ += slot.descriptors;
  slot.entry = std::move(entry);
}

// Takes the slot out of the table. It is deleted now, or by the last who has pinned it.
void FileCache::forget(Slot& slot) {
  if (!slot.in_table) return;
  Slot** at = &bucket(slot.hash);
  while (*at != &slot) at = &(*at)->next_in_bucket;
  *at = slot.next_in_bucket;
  static_cast<base::Link<Slot>&>(slot).unlink();
  slot.in_table = false;
  --slots_;
  set_entry(slot, {});
  if (slot.pins == 0) delete &slot;
}

bool FileCache::is_over() const {
  return entries_ > limits_.entries || bytes_ > limits_.bytes || descriptors_ > limits_.descriptors;
}

void FileCache::make_room() {
  // Everybody gets one second chance; the slot that has just come in is passed by, for it is pinned.
  size_t patience = 2 * slots_ + 2;
  while (is_over() && patience-- > 0) {
    Slot* const next = order_.pop_front();
    if (next == nullptr) return;
    if (next->pins > 0 || std::exchange(next->used, false)) {
      order_.push_back(*next);
      continue;
    }
    ++counters_.evictions;
    forget(*next);
  }
}

}  // namespace remuda::content
