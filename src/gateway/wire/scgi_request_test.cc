// SPDX-License-Identifier: Apache-2.0
//
// Netstrings as the SCGI specification shows them.
#include "gateway/wire/scgi_request.h"

#include <gtest/gtest.h>

namespace remuda::gateway::wire {
namespace {

using namespace std::string_literals;

std::string request(const std::string& variables) {
  std::string out;
  append_scgi_request(variables, out);
  return out;
}

TEST(ScgiRequest, LikeTheExampleOfItsSpecification) {
  EXPECT_EQ(request("CONTENT_LENGTH=27\0REQUEST_METHOD=POST\0REQUEST_URI=/deepthought\0"s),
            "70:CONTENT_LENGTH\00027\0SCGI\0001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,"s);
}

TEST(ScgiRequest, TheLengthComesFirstAndOnce) {
  EXPECT_EQ(request("A=b\0CONTENT_LENGTH=5\0SCGI=2\0C=\0"s),
            "31:CONTENT_LENGTH\0005\0SCGI\0001\0A\0b\0C\0\0,"s);
  EXPECT_EQ(request("A=b=c\0"s), "30:CONTENT_LENGTH\0000\0SCGI\0001\0A\0b=c\0,"s);
  EXPECT_EQ(request(""), "24:CONTENT_LENGTH\0000\0SCGI\0001\0,"s);
}

}  // namespace
}  // namespace remuda::gateway::wire
