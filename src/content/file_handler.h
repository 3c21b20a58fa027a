// SPDX-License-Identifier: Apache-2.0
//
// FileHandler: answers requests with the files of one site. One per route and loop.
//
// The steps: method, path (file_path.h), entry (file_cache.h; cold ones on an offload thread, file_lookup.h),
// preconditions (conditional.h), variant (encoding.h), ranges (ranges.h). A plain GET of a fresh entry takes
// none of the detours: it allocates nothing and calls nobody.
#pragma once

#include <memory>

#include "content/error_page.h"
#include "content/file_cache.h"
#include "content/file_options.h"
#include "http/handler.h"
#include "loop/offload.h"

namespace remuda::content {

class FileHandler final : public http::Handler {
 public:
  // `cache` belongs to the same loop as the requests; everything given outlives the handler.
  FileHandler(std::shared_ptr<const FileSite> site, FileCache& cache, loop::Offload& offload,
              const ErrorPages& errors);

  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  bool answer_at_once(http::Exchange& exchange);
  loop::Task<void> answer(http::Exchange& exchange);

  std::shared_ptr<const FileSite> site_;
  FileCache& cache_;
  loop::Offload& offload_;
  const ErrorPages& errors_;
  uint32_t site_number_;
};

}  // namespace remuda::content
