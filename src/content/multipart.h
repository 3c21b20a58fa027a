// SPDX-License-Identifier: Apache-2.0
//
// MultipartBody: several ranges of one representation as multipart/byteranges (RFC 9110 section 14.6).
//
//     --boundary CRLF  Content-Type, Content-Range CRLF CRLF  bytes CRLF   for each range
//     --boundary-- CRLF
//
// The boundary is random, so that no content can hold it on purpose. Bytes of a file that are not in the page
// cache are read on an offload thread. Belongs to an exchange (keep); the response holds the entry.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "content/file_entry.h"
#include "content/ranges.h"
#include "http/body.h"
#include "loop/offload.h"

namespace remuda::content {

class MultipartBody final : public http::Body {
 public:
  MultipartBody(loop::Loop& loop, loop::Offload& offload, const Variant& variant,
                std::string_view content_type, std::span<const ByteRange> ranges);

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  std::optional<uint64_t> remaining() const override { return remaining_; }

  const std::string& boundary() const { return boundary_; }

 private:
  // What goes out next: text of ours, then bytes of the file.
  struct Part {
    std::string text;
    ByteRange range;  // length 0 in the last part, which is text alone
  };

  loop::Task<base::Result<size_t>> read_range(ByteRange& range, std::span<std::byte> into);

  loop::Loop& loop_;
  loop::Offload& offload_;
  const Variant& variant_;
  std::string boundary_;
  std::vector<Part> parts_;
  size_t part_ = 0;
  size_t text_sent_ = 0;
  uint64_t remaining_ = 0;
};

}  // namespace remuda::content
