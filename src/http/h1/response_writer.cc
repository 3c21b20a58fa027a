// SPDX-License-Identifier: Apache-2.0
//
// Room is counted first, so that writing needs no check at each step; every value is looked at while it is
// written.
#include "http/h1/response_writer.h"

#include <cstring>

#include "base/ascii.h"
#include "http/h1/chunked.h"
#include "http/h1/scan.h"
#include "http/status.h"

namespace remuda::http::h1 {

namespace {

// "HTTP/1.1 200 ", Date, Server, Connection, length or coding, with their names and line ends, without their
// values.
constexpr size_t kFixedRoom = 256;
constexpr size_t kLineRoom = 4;  // ": " and CRLF

class Writer {
 public:
  explicit Writer(std::span<char> room) : begin_(room.data()), at_(room.data()) {}

  void put(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_number(uint64_t number) {
    char digits[20];
    char* first = digits + sizeof digits;
    do {
      *--first = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    put({first, digits + sizeof digits});
  }
  void put_line(std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  size_t size() const { return at_ - begin_; }

 private:
  char* begin_;
  char* at_;
};

bool is_safe_name(const Field& field) {
  if (field.known != KnownName::kOther && field.name.data() == canonical_name(field.known).data())
    return true;
  return base::is_token(field.name);
}

bool is_safe(const Field& field) { return is_safe_name(field) && is_safe_value(field.value); }

// The driver's own business, whatever the application says.
bool is_skipped(KnownName name, int status) {
  switch (name) {
    case KnownName::kConnection:
    case KnownName::kKeepAlive:
    case KnownName::kProxyConnection:
    case KnownName::kContentLength:
    case KnownName::kTransferEncoding: return true;
    case KnownName::kUpgrade: return status != 101 && status != 426;
    default: return false;
  }
}

size_t room_of(const Fields& fields) {
  size_t room = 0;
  for (const Field& field : fields.all()) room += field.name.size() + field.value.size() + kLineRoom;
  return room;
}

bool put_fields(Writer& writer, const Fields& fields, int status) {
  for (const Field& field : fields.all()) {
    if (is_skipped(field.known, status)) continue;
    if (!is_safe(field)) return false;
    writer.put_line(field.name, field.value);
  }
  return true;
}

void put_status_line(Writer& writer, int status, std::string_view reason) {
  writer.put("HTTP/1.1 ");
  writer.put_number(static_cast<uint64_t>(status));
  writer.put(" ");
  writer.put(reason.empty() ? reason_phrase(status) : reason);
  writer.put("\r\n");
}

void put_framing(Writer& writer, const ResponseHead& head, int status) {
  if (status < 200 || status == 204) return;
  if (head.framing == ResponseFraming::kChunked) writer.put("Transfer-Encoding: chunked\r\n");
  if (head.framing != ResponseFraming::kLength) return;
  writer.put("Content-Length: ");
  writer.put_number(head.length);
  writer.put("\r\n");
}

void put_connection(Writer& writer, const ResponseHead& head, const Response& response) {
  if ((response.status == 101 || response.status == 426) && response.fields.has(KnownName::kUpgrade)) {
    writer.put(head.keep_alive || response.status == 101 ? "Connection: upgrade\r\n"
                                                         : "Connection: upgrade, close\r\n");
  } else if (!head.keep_alive) {
    writer.put("Connection: close\r\n");
  } else if (head.version == Version::k10) {
    writer.put("Connection: keep-alive\r\n");
  }
}

}  // namespace

bool is_safe_value(std::string_view value) {
  const char* at = value.data();
  const char* const end = at + value.size();
#ifdef __SSE2__
  if (value.size() >= 16) {  // the last block overlaps the one before it
    unsigned stops = scan::value_stops(scan::load(end - 16));
    for (const char* block = at; block < end - 16; block += 16) stops |= scan::value_stops(scan::load(block));
    if (stops == 0) return true;
  }
#endif
  while (true) {  // stops at every control; most values have none
    at = scan_value(at, end);
    if (at == end) return true;
    if (*at == '\r' || *at == '\n' || *at == '\0') return false;
    ++at;
  }
}

std::string_view find_unsafe_field(const Response& response) {
  if (response.status < 100 || response.status > 999) return "status";
  if (!is_safe_value(response.reason)) return "reason";
  for (const Field& field : response.fields.all()) {
    if (!is_safe(field)) return field.name.empty() ? "(no name)" : field.name;
  }
  return {};
}

size_t response_head_room(const ResponseHead& head, const Response& response) {
  return kFixedRoom + head.date.size() + head.server.size() + response.reason.size() +
         room_of(response.fields) + response.prepared_fields.size();
}

base::Result<size_t> write_response_head(std::span<char> room, const ResponseHead& head,
                                         const Response& response) {
  if (room.size() < response_head_room(head, response))
    return base::failure(ENOBUFS, "write a response head");
  if (response.status < 100 || response.status > 999)
    return base::failure(EINVAL, "a status outside 100 to 999");
  if (!is_safe_value(response.reason))
    return base::failure(EINVAL, "CR, LF or NUL in the reason of a response");
  Writer writer(room);
  put_status_line(writer, response.status, response.reason);
  if (!head.date.empty() && !response.fields.has(KnownName::kDate)) writer.put_line("Date", head.date);
  if (!head.server.empty() && !response.fields.has(KnownName::kServer))
    writer.put_line("Server", head.server);
  put_framing(writer, head, response.status);
  put_connection(writer, head, response);
  if (!put_fields(writer, response.fields, response.status)) {
    return base::failure(EINVAL, "a response field that cannot stand on a line");
  }
  writer.put(response.prepared_fields);
  writer.put("\r\n");
  return writer.size();
}

size_t interim_head_room(const Fields& fields) { return kFixedRoom + room_of(fields); }

base::Result<size_t> write_interim_head(std::span<char> room, int status, const Fields& fields) {
  if (status < 100 || status > 199 || status == 101) return base::failure(EINVAL, "not an interim status");
  if (room.size() < interim_head_room(fields)) return base::failure(ENOBUFS, "write an interim response");
  Writer writer(room);
  put_status_line(writer, status, {});
  if (!put_fields(writer, fields, status))
    return base::failure(EINVAL, "a field that cannot stand on a line");
  writer.put("\r\n");
  return writer.size();
}

base::Result<size_t> write_last_chunk(std::span<char> room, const Fields* trailers) {
  if (room.size() < kFixedRoom + (trailers == nullptr ? 0 : room_of(*trailers))) {
    return base::failure(ENOBUFS, "write the last chunk");
  }
  Writer writer(room);
  writer.put("0\r\n");
  if (trailers != nullptr) {
    for (const Field& field : trailers->all()) {
      if (!is_kept_trailer(field.known)) continue;
      if (!is_safe(field)) return base::failure(EINVAL, "a trailer that cannot stand on a line");
      writer.put_line(field.name, field.value);
    }
  }
  writer.put("\r\n");
  return writer.size();
}

}  // namespace remuda::http::h1
