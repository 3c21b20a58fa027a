// SPDX-License-Identifier: Apache-2.0
//
// RFC 9110 section 12: Accept-Encoding and Accept.
#include <gtest/gtest.h>

#include <array>

#include "base/arena.h"
#include "content/accept.h"
#include "content/encoding.h"

namespace remuda::content {
namespace {

using http::KnownName;

struct Request {
  explicit Request(KnownName name, std::string_view first, std::string_view second = "") {
    fields.add(name, first);
    if (!second.empty()) fields.add(name, second);
  }
  std::array<std::byte, 1024> room;
  base::Arena arena{room};
  http::Fields fields{arena};
};

// identity, br, zstd, gzip
std::array<int, kCodings> weights(std::string_view first, std::string_view second = "") {
  const Request request(KnownName::kAcceptEncoding, first, second);
  const auto read = read_accept_encoding(request.fields);
  return {read.weight[0], read.weight[1], read.weight[2], read.weight[3]};
}

using Weights = std::array<int, kCodings>;

TEST(AcceptEncoding, Weights) {
  EXPECT_EQ(weights("gzip, br"), (Weights{1, 1000, 0, 1000}));
  EXPECT_EQ(weights("gzip;q=0.5, br;q=0.8, zstd"), (Weights{1, 800, 1000, 500}));
  EXPECT_EQ(weights("GZIP ; Q=0.123"), (Weights{1, 0, 0, 123}));
  EXPECT_EQ(weights("x-gzip"), (Weights{1, 0, 0, 1000}));
  EXPECT_EQ(weights("gzip", "br;q=0.1"), (Weights{1, 100, 0, 1000}));
}

TEST(AcceptEncoding, StarAndIdentity) {
  EXPECT_EQ(weights("*"), (Weights{1000, 1000, 1000, 1000}));
  EXPECT_EQ(weights("*;q=0"), (Weights{0, 0, 0, 0}));
  EXPECT_EQ(weights("*;q=0, gzip"), (Weights{0, 0, 0, 1000}));
  EXPECT_EQ(weights("*;q=0, identity;q=0.5"), (Weights{500, 0, 0, 0}));
  EXPECT_EQ(weights("identity;q=0"), (Weights{0, 0, 0, 0}));
  EXPECT_EQ(weights("gzip;q=0, *"), (Weights{1000, 1000, 1000, 0}));
}

TEST(AcceptEncoding, EmptyAndMalformed) {
  EXPECT_EQ(weights(""), (Weights{1, 0, 0, 0}));
  EXPECT_EQ(weights(", ,"), (Weights{1, 0, 0, 0}));
  EXPECT_EQ(weights("deflate, compress"), (Weights{1, 0, 0, 0}));
  EXPECT_EQ(weights("gzip;q=2, br;q=x"),
            (Weights{1, 1000, 0, 1000}));  // a weight that cannot be read says nothing
}

PageForm form(std::string_view accept) {
  const Request request(KnownName::kAccept, accept);
  return wanted_form(request.fields);
}

TEST(Accept, Forms) {
  EXPECT_EQ(form("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
            PageForm::kHtml);
  EXPECT_EQ(form("*/*"), PageForm::kText);
  EXPECT_EQ(form(""), PageForm::kText);
  EXPECT_EQ(form("application/json"), PageForm::kJson);
  EXPECT_EQ(form("application/json, text/plain, */*"), PageForm::kText);
  EXPECT_EQ(form("application/*"), PageForm::kJson);
  EXPECT_EQ(form("application/problem+json, application/json;q=0.5"), PageForm::kProblemJson);
  EXPECT_EQ(form("text/html;q=0.2, application/json;q=0.9"), PageForm::kJson);
  EXPECT_EQ(form("text/html;level=1;q=0.4, text/plain;q=0.1"), PageForm::kHtml);
  EXPECT_EQ(form("image/png"), PageForm::kText);
  EXPECT_EQ(form("text/html;q=0, */*"), PageForm::kText);
}

}  // namespace
}  // namespace remuda::content
