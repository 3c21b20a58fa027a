// SPDX-License-Identifier: Apache-2.0
//
// Any block of variables as PARAMS and as an SCGI netstring: what is read back by the specification's rules
// is what was said, each pair whole inside one record.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "gateway/wire/fastcgi_encoder.h"
#include "gateway/wire/fastcgi_values.h"
#include "gateway/wire/scgi_request.h"

using namespace remuda::gateway::wire;

namespace {

// "NAME=value" of each, as the encoder is to understand them.
std::vector<std::string> variables_of(std::string_view block) {
  std::vector<std::string> all;
  while (!block.empty()) {
    const std::string_view one = block.substr(0, block.find('\0'));
    block.remove_prefix(std::min(block.size(), one.size() + 1));
    all.emplace_back(one);
    if (one.find('=') == std::string_view::npos) all.back() += '=';
  }
  return all;
}

std::vector<std::string> read_params(std::string_view bytes) {
  std::vector<std::string> all;
  bool ended = false;
  while (!bytes.empty()) {
    const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(bytes[i])); };
    CHECK(!ended && bytes.size() >= 8);
    const size_t content = at(4) << 8 | at(5);
    CHECK(at(0) == 1 && at(1) == 4 && at(2) == 1 && at(3) == 2 && at(7) == 0);
    CHECK((8 + content + at(6)) % 8 == 0 && bytes.size() >= 8 + content + at(6));
    std::string_view pairs = bytes.substr(8, content);
    ended = pairs.empty();
    bytes.remove_prefix(8 + content + at(6));
    while (!pairs.empty()) {
      const auto pair = take_fastcgi_pair(pairs);
      CHECK(pair.has_value());
      all.push_back(std::string(pair->name) + "=" + std::string(pair->value));
    }
  }
  CHECK(ended);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view block(reinterpret_cast<const char*>(data), size);
  std::string out = "before";
  if (append_fastcgi_params(258, block, out)) {
    CHECK(read_params(std::string_view(out).substr(6)) == variables_of(block));
  } else {
    CHECK(out == "before" && size > 65'000);
  }
  std::string scgi;
  append_scgi_request(block, scgi);
  const size_t colon = scgi.find(':');
  CHECK(std::stoul(scgi.substr(0, colon)) == scgi.size() - colon - 2);
  CHECK(scgi.substr(colon + 1).starts_with("CONTENT_LENGTH") && scgi.back() == ',');
  return 0;
}
