// SPDX-License-Identifier: Apache-2.0
//
// Replays the corpora of the fuzz targets (tests/fuzz/NAME/corpus), so that what a fuzzer once found stays
// found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "http/h1/codec_invariants.h"

namespace remuda::http::h1 {
namespace {

std::vector<std::string> corpus(const std::string& name) {
  std::vector<std::string> inputs;
  const auto folder = std::filesystem::path(REMUDA_SOURCE_DIR) / "tests/fuzz" / name / "corpus";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

TEST(Corpus, Heads) {
  const auto inputs = corpus("head_fuzz");
  EXPECT_GT(inputs.size(), 30U);
  for (const std::string& input : inputs) {
    check_head(input);
    check_head(input, {.request_line = 40, .fields = {.total = 120, .line = 50, .count = 4}});
  }
}

TEST(Corpus, ChunkedBodies) {
  const auto inputs = corpus("chunked_fuzz");
  EXPECT_GT(inputs.size(), 20U);
  for (const std::string& input : inputs) {
    check_chunked(input);
    check_chunked(input, {.fields = {.total = 60, .line = 30, .count = 2}, .extensions = 12});
  }
}

// One octet changed, at every place, in every way that matters.
TEST(Corpus, HeadsWithOneOctetChanged) {
  for (const std::string& input : corpus("head_fuzz")) {
    for (size_t at = 0; at < input.size() && at < 120; ++at) {
      for (const char octet : {'\r', '\n', '\0', ' ', ':', ',', '\x80'}) {
        std::string changed = input;
        changed[at] = octet;
        check_head(changed);
      }
    }
  }
}

}  // namespace
}  // namespace remuda::http::h1
