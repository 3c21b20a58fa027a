// SPDX-License-Identifier: Apache-2.0
//
// KnownName: the field names that this server looks at, as numbers, so that a table answers what a search
// would.
//
// find_known_name() is a perfect hash: one multiplication and one comparison, without regard to case, no
// allocation. Names that nobody here looks at are kOther and live only by their spelling. Pure data, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace remuda::http {

enum class KnownName : uint8_t {
  kOther,
  kAccept,
  kAcceptCharset,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAge,
  kAllow,
  kAltSvc,
  kAuthorization,
  kCacheControl,
  kConnection,
  kContentDisposition,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentLocation,
  kContentRange,
  kContentSecurityPolicy,
  kContentType,
  kCookie,
  kDate,
  kETag,
  kExpect,
  kExpires,
  kForwarded,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kKeepAlive,
  kLastModified,
  kLink,
  kLocation,
  kMaxForwards,
  kOrigin,
  kPragma,
  kPriority,
  kProxy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRange,
  kReferer,
  kRetryAfter,
  kServer,
  kSetCookie,
  kStatus,
  kStrictTransportSecurity,
  kTE,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUpgradeInsecureRequests,
  kUserAgent,
  kVary,
  kVia,
  kWWWAuthenticate,
  kXContentTypeOptions,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRequestId,
  kXSendfile,
};

inline constexpr size_t kKnownNames = static_cast<size_t>(KnownName::kXSendfile) + 1;

// kOther if it is none of them (or empty). Any octets may be asked for.
KnownName find_known_name(std::string_view name);

// As the registry spells it: "Content-Type". Static text; "" for kOther.
std::string_view canonical_name(KnownName name);

}  // namespace remuda::http
