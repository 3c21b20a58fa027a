// SPDX-License-Identifier: Apache-2.0
//
// FileEntry: what a path of a site turned out to be: a file with its variants, a directory, a refusal.
//
// Made by FileLookup on an offload thread, then given to one loop and never changed, but for its count of
// holders and the moment when it was last found true, which that loop alone touches. The count is intrusive
// (http::Holder), so a response that sends an entry costs no allocation.
#pragma once

#include <sys/stat.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/fd.h"
#include "base/result.h"
#include "content/encoding.h"
#include "content/file_options.h"
#include "http/message.h"
#include "loop/time.h"

namespace remuda::content {

// What makes a file another one. Compared whole: any difference is a change.
struct FileFacts {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since 1970
  int64_t changed_ns = 0;
  bool operator==(const FileFacts&) const = default;
};

// One representation (RFC 9110 section 3.2): the file itself, or a sibling that has a content coding.
struct Variant {
  Coding coding = Coding::kIdentity;
  FileFacts facts;
  std::string bytes;  // of a small file
  base::Fd file;      // of a large one
  std::string tag;    // strong entity tag, with its quotes
  // Field lines in HTTP/1.1's form, in an order that lets every answer use one piece of them.
  std::string fields;
  size_t after_type = 0;  // where Content-Encoding and Accept-Ranges begin
  size_t common = 0;      // where those begin that a 304 repeats: ETag, Last-Modified, Vary, Cache-Control
  uint64_t size() const { return file ? facts.size : bytes.size(); }

  loop::Time
      warm_until{};  // all of `file` was found in memory; believed until then. The loop's, not the lookup's
};

class FileEntry final : public http::Holder {
 public:
  enum class Kind : uint8_t { kFile, kDirectory, kRefusal };

  FileEntry() = default;
  FileEntry(const FileEntry&) = delete;
  FileEntry& operator=(const FileEntry&) = delete;

  void hold() override { ++holders_; }
  void release() override {
    DCHECK(holders_ > 0);
    if (--holders_ == 0) delete this;
  }

  Kind kind = Kind::kRefusal;
  int status = 404;           // of a refusal
  const char* reason = "";    // of a refusal, for the log: static text
  int64_t last_modified = 0;  // seconds since 1970, never in the future: what Last-Modified says
  std::string_view content_type;
  std::vector<Variant> variants;  // of a file: the file itself first
  FileFacts directory;  // of a directory without index, or of the directory that the index was found in
  bool recently_modified = false;  // too young when it was read for its times to tell a change: read again

  size_t memory() const;
  size_t descriptors() const;

 private:
  ~FileEntry() = default;
  uint32_t holders_ = 0;
};

// Holds an entry.
class EntryPointer {
 public:
  EntryPointer() = default;
  explicit EntryPointer(FileEntry* entry) : entry_(entry) {
    if (entry_ != nullptr) entry_->hold();
  }
  EntryPointer(EntryPointer&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryPointer(const EntryPointer& other) : EntryPointer(other.entry_) {}
  EntryPointer& operator=(EntryPointer other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryPointer() {
    if (entry_ != nullptr) entry_->release();
  }

  FileEntry* get() const { return entry_; }
  FileEntry* operator->() const { return entry_; }
  FileEntry& operator*() const { return *entry_; }
  explicit operator bool() const { return entry_ != nullptr; }

 private:
  FileEntry* entry_ = nullptr;
};

}  // namespace remuda::content
