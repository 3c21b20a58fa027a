// SPDX-License-Identifier: Apache-2.0
//
// HeadParser: the head of one HTTP/1 request, from its first octet to the empty line (RFC 9112 sections 2, 3,
// 5).
//
//     HeadParser parser(request, limits);
//     while (true) {
//       buffer <- more bytes                              (if they moved: parser.restart())
//       switch (parser.parse(all bytes of the head so far)) { ... }
//     }
//
// Sans-I/O. Resumable at every octet: the outcome does not depend on how the bytes were cut, and what is
// wrong is refused when the first wrong octet is seen. Lines that are complete are never looked at in a later
// call, nor octets of one that is not. Views in `request` point into the bytes that were given, so these
// outlive it. One request, one thread.
//
// Policy where the RFC leaves a choice, the strictest each time: at most one empty line (CRLF) before the
// request; exactly one space between the parts of the request line; HTTP/0.9 refused; HTTP/1.x with x > 1
// taken as 1.1, other versions 505; a method is any token of at most 64 octets (501 beyond); the target is
// visible ASCII without "#"; Host exactly once (HTTP/1.0: at most once), valid by parse_authority(). An empty
// Host is valid (RFC 9112 section 3.2 prescribes it where the target has no authority) and leaves `authority`
// empty. An absolute target's authority replaces the Host field too; "OPTIONS http://host" is "OPTIONS *" of
// that host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/field_section.h"
#include "http/h1/framing.h"
#include "http/h1/head_limits.h"
#include "http/h1/refusal.h"
#include "http/message.h"

namespace remuda::http::h1 {

class HeadParser {
 public:
  using Outcome = h1::Outcome;

  // Both outlive the parser. Fills request.method, target, form, raw_path, query, has_query, authority,
  // version and fields, each as soon as it is known, so that a refused request can be logged.
  HeadParser(Request& request, const HeadLimits& limits)
      : request_(request), limits_(limits), section_(request.fields) {}

  // `received` is the whole head so far, from its first octet, always at the same address; bytes beyond the
  // head (a body, the next request) may follow and are not looked at. After kComplete or kRefused it says the
  // same again.
  Outcome parse(std::string_view received);

  // The bytes have moved: begins anew; the next parse() reads from the first octet.
  void restart();

  // After kComplete: octets up to and with the empty line.
  size_t head_bytes() const { return head_bytes_; }
  // After kComplete.
  const Framing& framing() const { return framing_; }
  // After kRefused. The connection closes after the answer: where the next request begins is not known.
  int status() const { return refusal_.status; }
  const char* why() const { return refusal_.why; }

  // Whether any octet of a request has been seen (an empty line before it does not count).
  bool has_begun() const { return state_ > State::kStart; }

 private:
  enum class State : uint8_t {
    kBegin,         // nothing seen
    kEmptyLineEnd,  // the LF of an empty line before the request
    kStart,         // after that empty line
    kMethod,
    kTarget,
    kVersion,
    kFields,
    kComplete,
    kRefused,
  };

  // True: go on. False: the octets have run out, or refused.
  void read_plain_line(const char* end);
  bool read_start(const char* end);
  bool read_method(const char* end);
  bool read_target(const char* end);
  bool read_version(const char* end);
  bool read_version_slowly(const char* end);
  bool read_fields(const char* end);
  bool take_request_line();
  bool take_target();
  bool take_authority_target();
  bool take_absolute_target();
  void take_path(std::string_view path_and_query);
  bool take_host();
  bool refuse(int status, const char* why);
  bool refuse(const Refusal& refusal) { return refuse(refusal.status, refusal.why); }

  Request& request_;
  const HeadLimits& limits_;
  FieldSection section_;
  const char* first_ = nullptr;     // the first octet given
  const char* line_ = nullptr;      // the first octet of the request line
  const char* element_ = nullptr;   // the first octet of the method, target or version
  const char* position_ = nullptr;  // the next octet to look at; in the fields: their first
  const char* query_ = nullptr;     // the first "?" of the target
  size_t head_bytes_ = 0;
  State state_ = State::kBegin;
  Framing framing_;
  Refusal refusal_;
};

}  // namespace remuda::http::h1
