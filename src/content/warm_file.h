// SPDX-License-Identifier: Apache-2.0
//
// WarmFile: keeps the loop from waiting for the disk while it sends a large file.
//
// Before each piece it asks the page cache (cachestat where the kernel has it, and a byte read with
// RWF_NOWAIT), and has a piece that is not there read in by an offload thread. A file that was found in
// memory as a whole is believed to stay there for a second, so hot files cost one question a second. One per
// response, in the exchange's arena.
#pragma once

#include "content/file_entry.h"
#include "http/message.h"
#include "loop/offload.h"

namespace remuda::content {

// Whether reading that piece would not block. At most two system calls. True if nobody can tell.
bool is_in_page_cache(int fd, uint64_t offset, uint64_t length);

class WarmFile final : public http::FileWarmer {
 public:
  // `variant` is held by the response.
  WarmFile(loop::Loop& loop, loop::Offload& offload, Variant& variant)
      : loop_(loop), offload_(offload), variant_(variant) {}

  bool is_warm(int fd, uint64_t offset, uint64_t length) override;
  loop::Task<void> warm(int fd, uint64_t offset, uint64_t length) override;

 private:
  loop::Loop& loop_;
  loop::Offload& offload_;
  Variant& variant_;
};

}  // namespace remuda::content
