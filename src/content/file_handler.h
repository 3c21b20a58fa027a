// SPDX-License-Identifier: Apache-2.0
//
// FileHandler: answers requests with the files of one site. One per route and loop.
//
// The steps: method, path, entry (file_cache.h; cold ones on an offload thread, file_lookup.h), variant
// (encoding.h), preconditions (conditional.h), ranges (ranges.h). A plain GET of a fresh entry takes none of
// the detours: it allocates nothing and makes no system call.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "content/error_page.h"
#include "content/file_cache.h"
#include "content/file_options.h"
#include "content/ranges.h"
#include "http/handler.h"
#include "loop/offload.h"

namespace remuda::content {

class FileHandler final : public http::Handler {
 public:
  // `cache` belongs to the same loop as the requests; everything given outlives the handler.
  FileHandler(std::shared_ptr<const FileSite> site, FileCache& cache, loop::Offload& offload,
              const ErrorPages& errors);

  loop::Task<void> handle(http::Exchange& exchange) override;

  // For GET and HEAD, where somebody else stands behind the files: like handle(), but false, with the
  // response untouched, if nothing is there: no such name, a hidden one, a directory that has nothing to
  // show.
  loop::Task<bool> offer(http::Exchange& exchange);

  const FileOptions& options() const { return site_->options; }

 private:
  bool answer_at_once(http::Exchange& exchange);
  loop::Task<void> answer(http::Exchange& exchange);
  loop::Task<void> answer_entry(http::Exchange& exchange, std::string_view path,
                                const base::Result<EntryPointer>& entry);
  bool answer_method(http::Exchange& exchange) const;
  std::string_view path_of(http::Exchange& exchange) const;
  loop::Task<base::Result<EntryPointer>> entry_of(std::string_view path);
  bool is_missing(const FileEntry& entry, std::string_view path) const;
  loop::Task<void> answer_directory(http::Exchange& exchange, std::string_view path);
  void answer_file(http::Exchange& exchange, FileEntry& entry);
  Variant* choose_variant(http::Exchange& exchange, FileEntry& entry) const;
  void answer_not_modified(http::Exchange& exchange, FileEntry& entry, const Variant& variant) const;
  bool answer_range(http::Exchange& exchange, FileEntry& entry, Variant& variant);
  void answer_ranges(http::Exchange& exchange, FileEntry& entry, Variant& variant,
                     std::span<const ByteRange> ranges);
  void send(http::Exchange& exchange, FileEntry& entry, Variant& variant, ByteRange range);
  void refuse(http::Exchange& exchange, int status, std::string_view trouble) const;
  void redirect_to_slash(http::Exchange& exchange, std::string_view path) const;

  std::shared_ptr<const FileSite> site_;
  FileCache& cache_;
  loop::Offload& offload_;
  const ErrorPages& errors_;
  uint32_t site_number_;
  std::string fallback_;  // decoded path of the fallback, "" for none
};

}  // namespace remuda::content
