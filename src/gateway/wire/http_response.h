// SPDX-License-Identifier: Apache-2.0
//
// The HTTP wire, from the application: answers as a client reads them (RFC 9112 sections 4, 5 and 6), given
// on in CGI's form, which the gateway reads from everybody. Sans-I/O, incremental, bounded.
//
//     HTTP/1.1 103 Early Hints          Status: 103 Early Hints
//     Link: </a.css>; rel=preload       Link: </a.css>; rel=preload
//                                  -->
//     HTTP/1.1 200 OK                   Status: 200 OK
//     Transfer-Encoding: chunked        Content-Type: text/plain
//     Content-Type: text/plain
//                                       hello
//     5 ...hello...
//
// Strict, because what two readers could understand differently is how answers are smuggled: lines end with
// CRLF, no fold, no space before the colon, one Content-Length or one Transfer-Encoding, which is "chunked".
// What belongs to the connection ends here: framing, Connection and what it names, 100. One connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/wire/http_chunks.h"

namespace remuda::gateway::wire {

// What was asked, as far as it decides how the answer is read.
struct HttpAsked {
  enum class Content : uint8_t { kWanted, kNone };         // kNone: HEAD
  enum class Upgrade : uint8_t { kNotAsked, kMaySwitch };  // to another protocol
  Content content = Content::kWanted;
  Upgrade upgrade = Upgrade::kNotAsked;
};

struct HttpEvent {
  enum class Kind : uint8_t {
    kNeedsMore,
    kOutput,    // of the answer, in CGI's form
    kSwitched,  // after a 101: every byte from here on is another protocol's, and comes as output
    kEnd,       // of the answer; what is left of the bytes belongs to nobody
    kBroken,    // see trouble
  };
  Kind kind = Kind::kNeedsMore;
  std::string_view content{};  // until the next call
  const char* trouble = "";    // static text
};

class HttpResponseDecoder {
 public:
  explicit HttpResponseDecoder(size_t head_limit) : head_limit_(head_limit) {}

  // The next request has been sent on the connection.
  void begin(HttpAsked asked);

  // Takes what it uses off the front of `bytes`. Output is given on at once.
  HttpEvent next(std::string_view& bytes);

  // Whether the end of the connection is the end of the answer, and not a cut.
  bool ends_with_connection() const { return state_ == State::kUntilEnd || state_ == State::kSwitched; }
  // After kEnd: whether another request may follow.
  bool keeps() const { return keeps_; }

 private:
  enum class State : uint8_t {
    kStatusLine,
    kFields,
    kLength,
    kChunks,
    kUntilEnd,
    kSwitching,
    kSwitched,
    kEnd,
    kBroken
  };

  HttpEvent read_head(std::string_view& bytes);
  HttpEvent read_content(std::string_view& bytes);
  // A line without its CRLF; false: broken.
  bool take_line(std::string_view line);
  bool take_status_line(std::string_view line);
  bool take_field(std::string_view line);
  bool take_connection(std::string_view value);
  bool take_length(std::string_view value);
  bool take_coding(std::string_view value);
  bool finish_head();
  bool finish_interim();
  void choose_framing();
  void drop_named();
  void begin_head();
  bool fail(const char* trouble);

  const size_t head_limit_;
  HttpAsked asked_;
  State state_ = State::kEnd;
  std::string line_;  // the beginning of a line that has not come whole
  std::string head_;  // in CGI's form
  bool head_is_whole_ = false;
  size_t head_bytes_ = 0;
  unsigned interims_ = 0;
  const char* trouble_ = "";

  int status_ = 0;
  bool is_10_ = false;
  bool has_coding_ = false;
  bool has_upgrade_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool keeps_ = false;
  std::optional<uint64_t> length_;
  std::vector<std::string> named_;  // by Connection
  uint64_t left_ = 0;               // of the content, with a length
  HttpChunks chunks_;
};

}  // namespace remuda::gateway::wire
