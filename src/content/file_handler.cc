// SPDX-License-Identifier: Apache-2.0
//
// answer_at_once() is the hot path; answer() is the same story with all its detours.
#include "content/file_handler.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "content/accept.h"
#include "content/conditional.h"
#include "content/listing.h"
#include "content/multipart.h"
#include "content/warm_file.h"
#include "http/target.h"

namespace remuda::content {

namespace {

using http::KnownName;

constexpr std::string_view kAllowed = "GET, HEAD, OPTIONS";

int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_conditional(const http::Fields& fields) {
  return fields.has(KnownName::kIfNoneMatch) || fields.has(KnownName::kIfModifiedSince) ||
         fields.has(KnownName::kRange) || fields.has(KnownName::kIfMatch) ||
         fields.has(KnownName::kIfUnmodifiedSince);
}

// Where negotiation has nothing to decide: no siblings, and no weight that could rule out the file itself.
bool takes_identity(const http::Fields& fields) {
  return fields.count(KnownName::kAcceptEncoding) <= 1 &&
         !fields.get(KnownName::kAcceptEncoding).contains(';');
}

// What decode_path() refuses. A name cannot hold a slash, so nothing is at a path with an encoded one.
int status_of(const base::Error& error) { return error.code == EPERM ? 404 : 400; }

std::string_view arena_text(http::Exchange& exchange, const std::string& text) {
  return exchange.arena.copy(text);
}

}  // namespace

FileHandler::FileHandler(std::shared_ptr<const FileSite> site, FileCache& cache, loop::Offload& offload,
                         const ErrorPages& errors)
    : site_(std::move(site)),
      cache_(cache),
      offload_(offload),
      errors_(errors),
      site_number_(cache.new_site()) {
  const FileOptions& options = site_->options;
  if (!options.fallback.empty()) fallback_ = options.prefix + options.fallback;
}

loop::Task<void> FileHandler::handle(http::Exchange& exchange) {
  exchange.handled_by = "files";
  if (answer_at_once(exchange)) co_return;
  co_await answer(exchange);
}

bool FileHandler::answer_at_once(http::Exchange& exchange) {
  const http::Request& request = exchange.request;
  if (request.method != "GET") return false;
  FileEntry* const entry = cache_.find_fresh(site_number_, request.raw_path);
  if (entry == nullptr || entry->kind != FileEntry::Kind::kFile || is_conditional(request.fields))
    return false;
  Variant* const variant = choose_variant(exchange, *entry);
  if (variant != nullptr) send(exchange, *entry, *variant, {0, variant->size()});
  return true;
}

loop::Task<void> FileHandler::answer(http::Exchange& exchange) {
  if (answer_method(exchange)) co_return;
  const std::string_view path = path_of(exchange);
  if (path.empty()) co_return;
  auto entry = co_await entry_of(path);
  if (entry && !fallback_.empty() && is_missing(**entry, path)) entry = co_await entry_of(fallback_);
  co_await answer_entry(exchange, path, entry);
}

loop::Task<bool> FileHandler::offer(http::Exchange& exchange) {
  if (answer_at_once(exchange)) co_return true;
  const auto decoded =
      http::decode_path(exchange.request.raw_path, http::EncodedSlash::kRefuse, exchange.arena);
  if (!decoded) co_return false;
  const std::string_view path = decoded->path;
  const std::string_view prefix = site_->options.prefix;
  if (!path.starts_with(prefix)) co_return false;
  if (site_->options.dotfiles == Dotfiles::kHide && is_hidden(path, prefix)) co_return false;
  const auto entry = co_await entry_of(path);
  if (entry && is_missing(**entry, path)) co_return false;
  co_await answer_entry(exchange, path, entry);
  co_return true;
}

loop::Task<void> FileHandler::answer_entry(http::Exchange& exchange, std::string_view path,
                                           const base::Result<EntryPointer>& entry) {
  if (!entry) {
    exchange.response.fields.add(KnownName::kRetryAfter, "1");
    co_return refuse(exchange, 503, "no thread was free to look up the file in time");
  }
  FileEntry& found = **entry;
  switch (found.kind) {
    case FileEntry::Kind::kRefusal: co_return refuse(exchange, found.status, found.reason);
    case FileEntry::Kind::kFile: co_return answer_file(exchange, found);
    case FileEntry::Kind::kDirectory: co_await answer_directory(exchange, path);
  }
}

// True if the method was the answer.
bool FileHandler::answer_method(http::Exchange& exchange) const {
  const std::string_view method = exchange.request.method;
  if (method == "GET" || method == "HEAD") return false;
  exchange.response.fields.add(KnownName::kAllow, kAllowed);
  if (method == "OPTIONS") {
    exchange.response.status = 204;
  } else {
    refuse(exchange, 405, "files take no such method");
  }
  return true;
}

// The decoded path, below the prefix and not hidden; empty if the request was answered.
std::string_view FileHandler::path_of(http::Exchange& exchange) const {
  const auto decoded =
      http::decode_path(exchange.request.raw_path, http::EncodedSlash::kRefuse, exchange.arena);
  if (!decoded) {
    refuse(exchange, status_of(decoded.error()), decoded.error().what);
    return {};
  }
  const std::string_view path = decoded->path;
  const std::string_view prefix = site_->options.prefix;
  if (!path.starts_with(prefix)) {
    const bool lacks_slash = path.size() + 1 == prefix.size() && prefix.starts_with(path);
    lacks_slash ? redirect_to_slash(exchange, path) : refuse(exchange, 404, "not below the route's prefix");
    return {};
  }
  if (site_->options.dotfiles == Dotfiles::kHide && is_hidden(path, prefix)) {
    refuse(exchange, 404, "a hidden name");
    return {};
  }
  return path;
}

loop::Task<base::Result<EntryPointer>> FileHandler::entry_of(std::string_view path) {
  const FileLookup look(*site_, path);
  co_return co_await cache_.get(site_number_, path, look, offload_);
}

// Where the fallback stands in: nothing is there, or a directory that has nothing to show.
bool FileHandler::is_missing(const FileEntry& entry, std::string_view path) const {
  if (entry.kind == FileEntry::Kind::kRefusal) return entry.status == 404;
  return entry.kind == FileEntry::Kind::kDirectory && path.ends_with('/') &&
         site_->options.listing == Listing::kOff;
}

loop::Task<void> FileHandler::answer_directory(http::Exchange& exchange, std::string_view path) {
  if (!path.ends_with('/')) co_return redirect_to_slash(exchange, path);
  const Listing listing = site_->options.listing;
  if (listing == Listing::kOff)
    co_return refuse(exchange, 403, "a directory without index, and listing is off");
  const bool asked_json = wanted_form(exchange.request.fields) >= PageForm::kJson;
  const bool json = listing == Listing::kJson || (listing == Listing::kAuto && asked_json);
  auto page = co_await offload_.run(exchange.loop, [&] {
    return list_directory(*site_, path, json ? ListingForm::kJson : ListingForm::kHtml);
  });
  if (!page) {
    const int code = page.error().code;
    const int status = code == EBUSY ? 503 : code == EACCES ? 403 : code == ENOENT ? 404 : 500;
    co_return refuse(exchange, status, page.error().what);
  }
  http::Response& response = exchange.response;
  response.status = 200;
  response.fields.add(KnownName::kContentType, json ? "application/json" : "text/html; charset=utf-8");
  response.fields.add(KnownName::kCacheControl, "no-cache");
  if (listing == Listing::kAuto) response.fields.add(KnownName::kVary, "Accept");
  response.content = http::MemoryContent{*exchange.keep<std::string>(std::move(*page))};
}

void FileHandler::answer_file(http::Exchange& exchange, FileEntry& entry) {
  Variant* const variant = choose_variant(exchange, entry);
  if (variant == nullptr) return;
  const http::Request& request = exchange.request;
  if (is_conditional(request.fields)) {
    const int64_t now = wall_clock();
    const Validators validators{variant->tag, entry.last_modified};
    switch (evaluate_preconditions(request.fields, validators, now)) {
      case Precondition::kFailed: return refuse(exchange, 412, "a precondition does not hold");
      case Precondition::kNotModified: return answer_not_modified(exchange, entry, *variant);
      case Precondition::kHolds: break;
    }
    const bool wants_range = request.method == "GET" && request.fields.count(KnownName::kRange) == 1;
    if (wants_range && range_applies(request.fields, validators, now) &&
        answer_range(exchange, entry, *variant)) {
      return;
    }
  }
  send(exchange, entry, *variant, {0, variant->size()});
}

// The acceptable representation that the client likes best, of equal ones the smallest. Null: refused with
// 406.
Variant* FileHandler::choose_variant(http::Exchange& exchange, FileEntry& entry) const {
  if (entry.variants.size() == 1 && takes_identity(exchange.request.fields)) return &entry.variants[0];
  const CodingWeights weights = read_accept_encoding(exchange.request.fields);
  Variant* best = nullptr;
  for (Variant& variant : entry.variants) {
    const uint16_t weight = weights.of(variant.coding);
    if (weight == 0) continue;
    const int better = best == nullptr ? 1 : weight - weights.of(best->coding);
    if (better > 0 || (better == 0 && variant.size() < best->size())) best = &variant;
  }
  if (best == nullptr) refuse(exchange, 406, "no acceptable content coding");
  return best;
}

void FileHandler::answer_not_modified(http::Exchange& exchange, FileEntry& entry,
                                      const Variant& variant) const {
  exchange.response.status = 304;
  exchange.response.prepared_fields = std::string_view(variant.fields).substr(variant.common);
  entry.hold();
  exchange.response.holder = &entry;
}

// False: the field says nothing that counts, all is sent.
bool FileHandler::answer_range(http::Exchange& exchange, FileEntry& entry, Variant& variant) {
  const auto ranges = ByteRanges::parse(exchange.request.fields.get(KnownName::kRange), variant.size());
  switch (ranges.kind()) {
    case ByteRanges::Kind::kIgnored: return false;
    case ByteRanges::Kind::kUnsatisfiable:
      exchange.response.fields.add(KnownName::kContentRange,
                                   arena_text(exchange, fmt::format("bytes */{}", variant.size())));
      refuse(exchange, 416, "no range lies within the content");
      return true;
    case ByteRanges::Kind::kSatisfiable: break;
  }
  if (ranges.all().size() > 1) {
    answer_ranges(exchange, entry, variant, ranges.all());
    return true;
  }
  const ByteRange range = ranges.all().front();
  send(exchange, entry, variant, range);
  exchange.response.status = 206;
  exchange.response.fields.add(
      KnownName::kContentRange,
      arena_text(exchange, fmt::format("bytes {}-{}/{}", range.first, range.end() - 1, variant.size())));
  return true;
}

void FileHandler::answer_ranges(http::Exchange& exchange, FileEntry& entry, Variant& variant,
                                std::span<const ByteRange> ranges) {
  http::Response& response = exchange.response;
  auto* const body =
      exchange.keep<MultipartBody>(exchange.loop, offload_, variant, entry.content_type, ranges);
  response.status = 206;
  response.fields.add(KnownName::kContentType,
                      exchange.arena.join("multipart/byteranges; boundary=", body->boundary()));
  response.prepared_fields = std::string_view(variant.fields).substr(variant.after_type);
  response.content = http::StreamContent{body};
  response.length = body->remaining();
  entry.hold();
  response.holder = &entry;
}

// 200 with all of it, or with a range for the caller to say so.
void FileHandler::send(http::Exchange& exchange, FileEntry& entry, Variant& variant, ByteRange range) {
  http::Response& response = exchange.response;
  response.status = 200;
  response.prepared_fields = variant.fields;
  entry.hold();
  response.holder = &entry;
  if (variant.file) {
    auto* const warmer = exchange.arena.make<WarmFile>(exchange.loop, offload_, variant);
    response.content = http::FileContent{variant.file.get(), range.first, range.length, warmer};
  } else {
    response.content = http::MemoryContent{std::string_view(variant.bytes).substr(range.first, range.length)};
  }
}

void FileHandler::refuse(http::Exchange& exchange, int status, std::string_view trouble) const {
  exchange.trouble = trouble;
  errors_.answer(exchange, status, {.detail = trouble});
}

void FileHandler::redirect_to_slash(http::Exchange& exchange, std::string_view path) const {
  const http::Request& request = exchange.request;
  const std::string_view encoded = http::encode_path(path, exchange.arena);
  exchange.response.status = 301;
  exchange.response.fields.add(
      KnownName::kLocation, exchange.arena.join(encoded, "/", request.has_query ? "?" : "", request.query));
}

}  // namespace remuda::content
