// SPDX-License-Identifier: Apache-2.0
//
// The CGI wire, from the program: the header block of a response (RFC 3875 section 6). Sans-I/O, incremental,
// bounded.
//
//     line  = name ":" value, ended by LF or CRLF;  block = 1*line, ended by an empty line
//
// The reader is shown everything that has come so far, as often as more has come, and looks at each byte
// once; each line is judged when it is complete, so that rubbish is seen early. Nothing that could split a
// response gets past it: no control octet, no fold, no second Status, Location, Content-Type or
// Content-Length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"

namespace remuda::gateway::wire {

class CgiResponseReader {
 public:
  enum class Progress : uint8_t { kNeedsMore, kComplete, kBroken };

  // What kind of response it is (section 6.2). kInterim: an informational status (102..199): the application
  // sends another block after it, which another reader reads. kElsewhere: the content is not what follows,
  // but what the server has at redirect() or in file().
  // kSwitch: status 101, of an application that may answer so; what follows is another protocol's.
  enum class Kind : uint8_t { kDocument, kLocalRedirect, kClientRedirect, kInterim, kElsewhere, kSwitch };
  enum class Switching : uint8_t { kRefused, kTaken };

  explicit CgiResponseReader(Switching switching = Switching::kRefused) : switching_(switching) {}

  static constexpr size_t kMostFields = 128;

  // `bytes`: all of the output so far; they may have moved since the last call, not changed.
  Progress read(std::string_view bytes);

  // --- after kBroken: why, static text
  const char* trouble() const { return trouble_; }

  // --- after kComplete
  Kind kind() const { return kind_; }
  int status() const { return status_; }
  // An authorizer's leave: a status of 200, whatever else it says.
  bool is_allowing() const {
    return kind_ != Kind::kLocalRedirect && kind_ != Kind::kElsewhere && status_ == 200;
  }
  size_t head_size() const { return at_; }  // the body begins there
  std::optional<uint64_t> content_length() const { return content_length_; }
  // Views into `bytes`, which must be what the last read() was shown, or a copy.
  std::string_view reason(std::string_view bytes) const { return reason_.in(bytes); }
  std::string_view location(std::string_view bytes) const { return location_.in(bytes); }
  // Of kElsewhere, one of the two: X-Accel-Redirect or X-LiteSpeed-Location, a path?query of this server;
  // X-Sendfile or X-Lighttpd-Send-File, the name of a file.
  std::string_view redirect(std::string_view bytes) const { return redirect_.in(bytes); }
  std::string_view file(std::string_view bytes) const { return file_.in(bytes); }
  // The fields for the client: without Status, Content-Length, those that are the server's business, and
  // those whose names begin with `private_prefix`, if it is not empty.
  void add_fields(std::string_view bytes, http::Fields& fields, std::string_view private_prefix = {}) const;
  // Of every line in order: call(name, value).
  template <typename Call>
  void for_each_line(std::string_view bytes, Call call) const {
    for (size_t i = 0; i < line_count_; ++i) call(lines_[i].name.in(bytes), lines_[i].value.in(bytes));
  }

 private:
  // Without initial values: a reader holds many lines, of which it most often uses two.
  struct Piece {
    uint32_t offset;
    uint32_t size;
    std::string_view in(std::string_view bytes) const { return bytes.substr(offset, size); }
  };
  struct Line {
    Piece name;
    Piece value;
    http::KnownName known;
  };

  bool read_line(std::string_view bytes, size_t begin, size_t end);
  bool take(std::string_view bytes, const Line& line);
  bool take_status(std::string_view bytes, Piece value);
  bool take_length(std::string_view value);
  bool take_other(std::string_view name, Piece value);
  bool finish_redirect(std::string_view bytes);
  bool finish(std::string_view bytes);
  bool fail(const char* trouble);

  std::array<Line, kMostFields> lines_;  // the first line_count_ are set
  Switching switching_;
  size_t line_count_ = 0;
  size_t other_fields_ = 0;  // beside Location and Status
  size_t at_ = 0;            // the first byte of the line under way
  size_t searched_ = 0;      // no end of line before
  const char* trouble_ = "";
  Kind kind_ = Kind::kDocument;
  int status_ = 0;
  Piece reason_{};
  Piece location_{};
  Piece redirect_{};
  Piece file_{};
  bool has_location_ = false;
  bool has_type_ = false;
  std::optional<uint64_t> content_length_;
};

}  // namespace remuda::gateway::wire
