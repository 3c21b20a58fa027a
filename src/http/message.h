// SPDX-License-Identifier: Apache-2.0
//
// The message model: what every version of HTTP reads into and writes from, and all that handlers see of it.
//
// A Request is read by the protocol driver (http/h1, later h2 and h3), valid until its exchange has ended,
// and not changed after that but by the steps of a request (an internal redirect gives it another target). A
// Response is filled by the handler. Views point into the exchange's arena, the receive buffer, or static
// text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/fd.h"
#include "http/address.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/local_ends.h"
#include "loop/time.h"

namespace remuda::http {

enum class Version : uint8_t { k10, k11, k2, k3 };

// "HTTP/1.1"
std::string_view to_string(Version version);

enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };  // RFC 9112 section 3.2

struct Request {
  explicit Request(base::Arena& arena) : fields(arena) {}

  Version version = Version::k11;
  TargetForm form = TargetForm::kOrigin;
  std::string_view method;  // a token, case kept: RFC 9110 section 9
  std::string_view target;  // as it came
  std::string_view
      raw_path;  // of the target, percent-encoded, from the first "/" to before "?"; "*" for kAsterisk
  std::string_view query;  // raw, without "?"
  bool has_query = false;  // "/?" has an empty query
  std::string_view
      authority;  // of the absolute target, else of Host; as it came, valid, maybe with a port; may be ""
  Fields fields;
  Body* body = nullptr;  // null: the request has none (which is not the same as an empty one)
  const Endpoints* endpoints = nullptr;
  LocalEnds* local_ends = nullptr;  // of its loop
  uint64_t id = 0;     // of this request in every log: unique in this process, shown in hexadecimal
  loop::Time began{};  // its first byte was seen

  // The end of the connection that the client reached.
  const LocalEnd& local() const { return local_ends->of(*endpoints); }
};

// Content that is in memory. `keep` (may be null) is released when the bytes have been sent: it keeps a cache
// entry alive. No allocation: the holder counts by itself.
class Holder {
 public:
  virtual void hold() = 0;
  virtual void release() = 0;

 protected:
  ~Holder() = default;
};

struct MemoryContent {
  std::string_view bytes;
};

// Sees to it that a piece of a file is in memory before it is sent, so that no send blocks the loop on a
// disk.
class FileWarmer {
 public:
  // Whether the piece can be sent now. A few system calls at most, none of which blocks.
  virtual bool is_warm(int fd, uint64_t offset, uint64_t length) = 0;
  // Reads it in, on another thread. Whatever becomes of it, sending is tried after.
  virtual loop::Task<void> warm(int fd, uint64_t offset, uint64_t length) = 0;

 protected:
  ~FileWarmer() = default;
};

// A piece of an open file, sent without passing through this process's memory.
struct FileContent {
  int fd = -1;  // stays open until the exchange has ended: the response's holder or the handler keeps it
  uint64_t offset = 0;
  uint64_t length = 0;
  FileWarmer* warmer = nullptr;  // asked before each piece; null: the file is in memory anyway
};

// A pulled stream; chunked or until the end of the connection if no Content-Length is known.
struct StreamContent {
  Body* body = nullptr;
};

using Content = std::variant<std::monostate, MemoryContent, FileContent, StreamContent>;

class Takeover;

enum class RedirectFields : uint8_t {
  kForget,
  kKeep,  // beside those of the new answer, in place of its own of the same name, where they describe neither
          // its bytes nor their validity
};

struct Response {
  explicit Response(base::Arena& arena) : fields(arena) {}

  int status = 0;           // 100..999; 0: the handler has not answered
  std::string_view reason;  // empty: the registered phrase
  Fields fields;  // without Connection, Transfer-Encoding, Content-Length, Date: the driver writes those
  // Field lines already in HTTP/1.1's form ("Name: value\r\n"...), sent beside `fields`; other versions parse
  // them.
  std::string_view prepared_fields;
  Content content;
  std::optional<uint64_t> length;  // of a stream, when it is known, and of what a HEAD does not send
  Holder* holder = nullptr;        // released after the last byte; keeps memory and file content alive
  Takeover* takeover = nullptr;    // with 101, or 2xx to CONNECT: who gets the byte stream
  // Not empty: answer this path?query of the same server instead, as a GET (or HEAD) without body (RFC 3875,
  // 6.2.2). The steps of a request do it, ten times at most.
  std::string_view internal_redirect;
  // Not empty: the content is this file, by its absolute name, if the server lets the application name it.
  std::string_view file;
  std::string_view file_of;  // the application that named it
  // What becomes of `fields` when the content comes from one of these two, and of a status that is not 200;
  // the rest of the response is ignored.
  RedirectFields redirect_fields = RedirectFields::kForget;
  bool raw = false;  // NPH: the stream is the whole response, head included; the connection closes after it
};

}  // namespace remuda::http
