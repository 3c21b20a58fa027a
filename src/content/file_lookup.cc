// SPDX-License-Identifier: Apache-2.0
//
// From a path to an entry: look (O_PATH), compare with what is known, and only then read.
//
// Tags are made of the time of modification in nanoseconds and the size. The inode is left out, since it
// differs between the machines behind one balancer that serve copies of the same tree. Two versions of the
// same size within one tick of the file system's clock would share a tag; a file that young is read again at
// the next look.
#include "content/file_lookup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/http_date.h"
#include "content/beneath.h"

namespace remuda::content {

namespace {

constexpr int64_t kNanoseconds = 1'000'000'000;
constexpr int64_t kTooYoung = kNanoseconds / 10;  // more than a tick of any file system worth serving from
constexpr int kMostReads = 3;                     // of a file that changes while it is read

int64_t wall_clock_ns() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t nanoseconds(const timespec& time) { return time.tv_sec * kNanoseconds + time.tv_nsec; }

FileFacts facts_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim)};
}

EntryPointer refusal(int status, const char* reason) {
  EntryPointer entry(new FileEntry);
  entry->status = status;
  entry->reason = reason;
  return entry;
}

EntryPointer refusal_for(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ESTALE: return refusal(404, "no such file");
    case ENAMETOOLONG: return refusal(404, "the name is too long");
    case ELOOP: return refusal(404, "too many symbolic links");
    case EXDEV: return refusal(404, "the path leads out of the root");
    case EACCES:
    case EPERM: return refusal(403, "permission denied");
    case EMFILE:
    case ENFILE:
    case ENOMEM: return refusal(503, "no descriptor or memory left to open a file");
    default: return refusal(500, "the file cannot be read");
  }
}

// What stands at a path, seen without opening it for reading.
struct Seen {
  mode_t mode = 0;
  FileFacts facts;
};

class Look {
 public:
  Look(const FileSite& site, const FileEntry* known) : site_(site), known_(known) {}

  EntryPointer run(std::string_view path) {
    root_.reset(::open(site_.options.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return refusal_for(errno);
    const std::string relative(path.substr(site_.options.prefix.size()));
    return relative.empty() || relative.ends_with('/') ? look_at_directory(relative) : look_at(relative);
  }

 private:
  base::Result<Seen> see(const std::string& path) const {
    const auto fd = open_beneath(root_.get(), path, O_PATH, site_.options.resolution);
    if (!fd) return std::unexpected(fd.error());
    struct stat status{};
    if (::fstat(fd->get(), &status) != 0) return base::failure_from_errno("look at a file");
    return Seen{status.st_mode, facts_of(status)};
  }

  EntryPointer look_at(const std::string& path) {
    const auto seen = see(path);
    if (!seen) return refusal_for(seen.error().code);
    if (S_ISDIR(seen->mode)) return directory(seen->facts);
    if (!S_ISREG(seen->mode)) return refusal(403, "not a regular file");
    return file(path, seen->facts);
  }

  // The first index that is there, else the directory itself.
  EntryPointer look_at_directory(const std::string& path) {
    for (const std::string& name : site_.options.index) {
      const auto seen = see(path + name);
      if (seen && S_ISREG(seen->mode)) return file(path + name, seen->facts);
      if (!seen && seen.error().code == EACCES) return refusal_for(EACCES);
    }
    const auto seen = see(path);
    if (!seen) return refusal_for(seen.error().code);
    if (!S_ISDIR(seen->mode)) return refusal_for(ENOTDIR);
    return directory(seen->facts);
  }

  EntryPointer directory(const FileFacts& facts) const {
    if (known_ != nullptr && known_->kind == FileEntry::Kind::kDirectory && known_->directory == facts)
      return {};
    EntryPointer entry(new FileEntry);
    entry->kind = FileEntry::Kind::kDirectory;
    entry->directory = facts;
    return entry;
  }

  // The siblings that may stand for the file: regular, and not older than it.
  void see_variants(const std::string& path, const FileFacts& original) {
    seen_[0] = original;
    if (site_.options.precompressed == Precompressed::kOff) return;
    for (size_t i = 1; i < kCodings; ++i) {
      const auto seen = see(path + std::string(suffix_of(static_cast<Coding>(i))));
      if (!seen || !S_ISREG(seen->mode) || seen->facts.modified_ns < original.modified_ns) continue;
      seen_[i] = seen->facts;
    }
  }

  bool is_known() const {
    if (known_ == nullptr || known_->kind != FileEntry::Kind::kFile || known_->recently_modified)
      return false;
    std::array<std::optional<FileFacts>, kCodings> had;
    for (const Variant& variant : known_->variants) had[static_cast<size_t>(variant.coding)] = variant.facts;
    return had == seen_;
  }

  EntryPointer file(const std::string& path, const FileFacts& facts) {
    see_variants(path, facts);
    if (is_known()) return {};
    EntryPointer entry(new FileEntry);
    entry->kind = FileEntry::Kind::kFile;
    entry->content_type = site_.types->of(path);
    for (size_t i = 0; i < kCodings; ++i) {
      if (!seen_[i]) continue;
      auto variant = read(path, static_cast<Coding>(i));
      if (variant) {
        entry->variants.push_back(std::move(*variant));
      } else if (i == 0) {
        return refusal_for(variant.error().code);
      }
    }
    complete(*entry);
    return entry;
  }

  base::Result<Variant> read(const std::string& path, Coding coding) const {
    const std::string name = path + std::string(suffix_of(coding));
    auto fd = open_beneath(root_.get(), name, O_RDONLY | O_NONBLOCK, site_.options.resolution);
    if (!fd) return std::unexpected(fd.error());
    Variant variant{.coding = coding};
    struct stat status{};
    for (int i = 0; i < kMostReads; ++i) {
      if (::fstat(fd->get(), &status) != 0) return base::failure_from_errno("look at a file");
      if (!S_ISREG(status.st_mode)) return base::failure(EACCES, "open a file");
      if (i > 0 && facts_of(status) == variant.facts) break;  // what was read is what is there
      variant.facts = facts_of(status);
      if (variant.facts.size > site_.largest_in_memory) {
        variant.file = std::move(*fd);
        break;
      }
      if (const auto result = read_bytes(fd->get(), variant); !result) return std::unexpected(result.error());
    }
    return variant;
  }

  static base::Result<void> read_bytes(int fd, Variant& variant) {
    variant.bytes.resize(variant.facts.size);
    size_t have = 0;
    while (have < variant.bytes.size()) {
      const ssize_t got =
          ::pread(fd, variant.bytes.data() + have, variant.bytes.size() - have, static_cast<off_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return base::failure_from_errno("read a file");
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    variant.bytes.resize(have);
    return {};
  }

  // What is said of all variants together.
  void complete(FileEntry& entry) const {
    const int64_t now = wall_clock_ns();
    entry.last_modified = std::min(entry.variants[0].facts.modified_ns, now) / kNanoseconds;
    for (Variant& variant : entry.variants) {
      if (variant.facts.modified_ns > now - kTooYoung) entry.recently_modified = true;
      variant.tag = fmt::format("\"{:x}-{:x}{}{}\"", static_cast<uint64_t>(variant.facts.modified_ns),
                                variant.facts.size, variant.coding == Coding::kIdentity ? "" : "-",
                                token_of(variant.coding));
      prepare_fields(entry, variant);
    }
  }

  void prepare_fields(const FileEntry& entry, Variant& variant) const {
    std::array<char, base::kHttpDateBytes> date;
    base::format_http_date(entry.last_modified, date);
    std::string& to = variant.fields;
    to = fmt::format("Content-Type: {}\r\n", entry.content_type);
    variant.after_type = to.size();
    if (variant.coding != Coding::kIdentity)
      to += fmt::format("Content-Encoding: {}\r\n", token_of(variant.coding));
    to += "Accept-Ranges: bytes\r\n";
    variant.common = to.size();
    to += fmt::format("ETag: {}\r\nLast-Modified: {}\r\n", variant.tag,
                      std::string_view(date.data(), date.size()));
    if (entry.variants.size() > 1) to += "Vary: Accept-Encoding\r\n";
    const std::string& cache_control = site_.options.cache_control;
    if (!cache_control.empty()) to += fmt::format("Cache-Control: {}\r\n", cache_control);
  }

  const FileSite& site_;
  const FileEntry* known_;
  base::Fd root_;
  std::array<std::optional<FileFacts>, kCodings> seen_;
};

}  // namespace

// While descriptors or memory run short nothing can be looked at: what is known goes on being served.
EntryPointer FileLookup::run(const FileEntry* known) const {
  EntryPointer now = Look(site_, known).run(path_);
  const bool is_blind = now && now->status == 503;
  const bool was_there = known != nullptr && (known->kind == FileEntry::Kind::kFile ||
                                              known->kind == FileEntry::Kind::kDirectory);
  return is_blind && was_there ? EntryPointer() : now;
}

}  // namespace remuda::content
