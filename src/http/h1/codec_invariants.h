// SPDX-License-Identifier: Apache-2.0
//
// What holds for any bytes whatever, checked by the fuzz targets and by the tests that replay their corpora.
//
//   - How the bytes were cut changes nothing: whole, octet by octet, and in two parts give one outcome.
//   - Nothing beyond what was given is read (the bytes stand in a block of exactly their size).
//   - What was accepted holds no octet that could end a line, and every view points into the bytes.
//
// For tests only. CHECK fails where an invariant does.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "http/h1/chunked.h"
#include "http/h1/head_parser.h"
#include "http/h1/response_writer.h"
#include "http/target.h"

namespace remuda::http::h1 {

// A copy in a block of its own, so that a sanitizer sees a read beyond its end.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
  }
  std::string_view text() const { return {bytes_.get(), size_}; }
  std::string_view first(size_t size) const { return text().substr(0, size); }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

// One parse of a head, in a memory of its own.
class HeadRun {
 public:
  explicit HeadRun(std::string_view bytes, const HeadLimits& its_limits = {})
      : bytes_(bytes), limits_(its_limits), arena_(block_), request_(arena_), parser_(request_, limits_) {}

  Outcome parse(size_t size) { return outcome_ = parser_.parse(bytes_.first(size)); }
  Outcome parse_whole() { return parse(bytes_.text().size()); }
  // Octet by octet; stops at the first outcome, which is when used() octets had been given.
  Outcome parse_octets() {
    outcome_ = Outcome::kIncomplete;
    for (used_ = 0; outcome_ == Outcome::kIncomplete && used_ < bytes_.text().size();) parse(++used_);
    return outcome_;
  }

  Outcome outcome() const { return outcome_; }
  size_t used() const { return used_; }
  const Request& request() const { return request_; }
  const HeadParser& parser() const { return parser_; }
  std::string_view bytes() const { return bytes_.text(); }

  // All that a caller could see, as one text, to compare runs by.
  std::string summary() const {
    if (outcome_ == Outcome::kIncomplete) return "incomplete";
    if (outcome_ == Outcome::kRefused) return std::to_string(parser_.status()) + " " + parser_.why();
    const Framing& framing = parser_.framing();
    std::string text(request_.method);
    for (const std::string_view part :
         {request_.target, request_.raw_path, request_.query, request_.authority}) {
      text.append("|").append(part);
    }
    for (const Field& field : request_.fields.all()) {
      text.append("|").append(field.name).append(":").append(field.value);
      text.append(std::to_string(static_cast<int>(field.known)));
    }
    for (const uint64_t number :
         {static_cast<uint64_t>(request_.version), static_cast<uint64_t>(request_.form),
          static_cast<uint64_t>(request_.has_query), static_cast<uint64_t>(framing.kind), framing.length,
          static_cast<uint64_t>(framing.expects_continue), static_cast<uint64_t>(framing.keep_alive),
          static_cast<uint64_t>(framing.upgrade), static_cast<uint64_t>(parser_.head_bytes())}) {
      text.append("|").append(std::to_string(number));
    }
    return text;
  }

 private:
  ExactBytes bytes_;
  HeadLimits limits_;
  alignas(16) std::byte block_[1024];
  base::Arena arena_;
  Request request_;
  HeadParser parser_;
  Outcome outcome_ = Outcome::kIncomplete;
  size_t used_ = 0;
};

inline void check_accepted_head(const HeadRun& run) {
  const Request& request = run.request();
  CHECK(base::is_token(request.method));
  CHECK(run.parser().head_bytes() <= run.bytes().size());
  CHECK(run.bytes().substr(0, run.parser().head_bytes()).ends_with("\r\n\r\n"));
  for (const char c : request.target) CHECK(c > ' ' && c != 0x7f && c != '#');
  for (const Field& field : request.fields.all()) {
    CHECK(base::is_token(field.name));
    for (const char c : field.value) CHECK(!base::is_control(c) || c == '\t');
    CHECK(field.value == base::trim_whitespace(field.value));
    CHECK(field.known == find_known_name(field.name));
  }
  CHECK(request.authority.empty() || is_valid_authority(request.authority));
  CHECK(request.fields.count(KnownName::kHost) <= 1);
  const bool has_coding = request.fields.has(KnownName::kTransferEncoding);
  const bool has_length = request.fields.has(KnownName::kContentLength);
  CHECK(!(has_coding && has_length));
  CHECK(has_coding == (run.parser().framing().kind == Framing::Kind::kChunked));
  CHECK(has_length == (run.parser().framing().kind == Framing::Kind::kLength));
}

// The path of an accepted request, decoded under every policy.
inline void check_paths(std::string_view raw_path) {
  alignas(16) std::byte block[256];
  base::Arena arena(block);
  for (const auto policy : {EncodedSlash::kRefuse, EncodedSlash::kDecode, EncodedSlash::kKeep}) {
    const auto decoded = decode_path(raw_path, policy, arena);
    if (!decoded) continue;
    const std::string with_end = std::string(decoded->path) + "/";
    CHECK(decoded->path.starts_with('/') && decoded->path.size() <= raw_path.size());
    CHECK(decoded->path.find('\0') == std::string_view::npos &&
          decoded->path.find("//") == std::string_view::npos);
    CHECK(with_end.find("/../") == std::string::npos && with_end.find("/./") == std::string::npos);
    const auto again = decode_path(encode_path(decoded->path, arena), EncodedSlash::kRefuse, arena);
    CHECK(again && again->path == decoded->path);
  }
}

inline void check_head(std::string_view bytes, const HeadLimits& limits = {}) {
  HeadRun whole(bytes, limits);
  whole.parse_whole();
  HeadRun octets(bytes, limits);
  octets.parse_octets();
  CHECK(whole.summary() == octets.summary());
  for (const size_t cut : {size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
    if (cut >= bytes.size()) continue;
    HeadRun parts(bytes, limits);
    parts.parse(cut);
    parts.parse_whole();
    CHECK(parts.summary() == whole.summary());
  }
  if (whole.outcome() == Outcome::kComplete) {
    check_accepted_head(whole);
    if (whole.request().raw_path.starts_with('/')) check_paths(whole.request().raw_path);
  }
}

// One decoding of a chunked body.
class ChunkedRun {
 public:
  explicit ChunkedRun(const HeadLimits& its_limits = {})
      : limits_(its_limits), arena_(block_), trailers_(arena_), decoder_(trailers_, limits_) {}

  // Gives `text` in parts of `step` octets at most, and no more once the outcome is known.
  void decode(std::string_view text, size_t step) {
    while (!text.empty() && outcome_ == ChunkedDecoder::Outcome::kMore) {
      const ExactBytes part(text.substr(0, step));
      feed(part.text());
      text.remove_prefix(part.text().size());
    }
  }
  ChunkedDecoder::Outcome outcome() const { return outcome_; }
  const ChunkedDecoder& decoder() const { return decoder_; }
  const std::string& data() const { return data_; }
  const Fields& trailers() const { return trailers_; }
  size_t used() const { return used_; }

  std::string summary() const {
    std::string text = std::to_string(static_cast<int>(outcome_)) + "|" + data_;
    if (outcome_ == ChunkedDecoder::Outcome::kRefused) {
      return text + "|" + std::to_string(decoder_.status()) + decoder_.why();
    }
    text += "|" + std::to_string(used_);
    if (outcome_ == ChunkedDecoder::Outcome::kMore) return text;
    for (const Field& field : trailers_.all())
      text.append("|").append(field.name).append(":").append(field.value);
    return text;
  }

 private:
  void feed(std::string_view part) {
    while (!part.empty() && outcome_ == ChunkedDecoder::Outcome::kMore) {
      const auto piece = decoder_.feed(part);
      CHECK(piece.used <= part.size());
      CHECK(piece.used > 0 || piece.outcome != ChunkedDecoder::Outcome::kMore);
      CHECK(piece.data.empty() || (piece.data.data() >= part.data() &&
                                   piece.data.data() + piece.data.size() == part.data() + piece.used));
      data_ += piece.data;
      used_ += piece.used;
      outcome_ = piece.outcome;
      part.remove_prefix(piece.used);
    }
  }

  HeadLimits limits_;
  alignas(16) std::byte block_[1024];
  base::Arena arena_;
  Fields trailers_;
  ChunkedDecoder decoder_;
  ChunkedDecoder::Outcome outcome_ = ChunkedDecoder::Outcome::kMore;
  std::string data_;
  size_t used_ = 0;
};

// What was decoded, encoded again as one chunk and the last, is decoded to the same.
inline void check_round_trip(const ChunkedRun& run) {
  std::array<char, 18> head;
  std::string text;
  if (!run.data().empty()) text.append(chunk_head(head, run.data().size())).append(run.data()).append("\r\n");
  std::vector<char> room(64 * 1024);
  const auto end = write_last_chunk(room, &run.trailers());
  CHECK(end);
  text.append(room.data(), *end);
  ChunkedRun again;
  again.decode(text, text.size());
  CHECK(again.outcome() == ChunkedDecoder::Outcome::kEnd && again.used() == text.size());
  CHECK(again.data() == run.data() && again.trailers().size() == run.trailers().size());
}

inline void check_chunked(std::string_view bytes, const HeadLimits& limits = {}) {
  ChunkedRun whole(limits);
  whole.decode(bytes, bytes.size());
  for (const size_t step : {1, 2, 7}) {
    ChunkedRun parts(limits);
    parts.decode(bytes, step);
    CHECK(parts.summary() == whole.summary());
  }
  if (whole.outcome() == ChunkedDecoder::Outcome::kEnd) check_round_trip(whole);
}

}  // namespace remuda::http::h1
