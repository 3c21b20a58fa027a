// SPDX-License-Identifier: Apache-2.0
//
// Error pages in their three forms; redirects; fixed answers.
#include "content/error_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "content/redirect_handler.h"
#include "content/respond_handler.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::content {
namespace {

using http::KnownName;
using http::testing::FakeExchange;
using ::testing::HasSubstr;
using ::testing::Not;

class Pages : public ::testing::Test {
 protected:
  loop::DeterministicBackend backend;
  loop::Loop loop{backend};
};

TEST_F(Pages, Html) {
  const ErrorPages pages;
  FakeExchange exchange(loop, "GET", "/<script>");
  exchange.request.fields.add(KnownName::kAccept, "text/html,*/*;q=0.8");
  pages.answer(exchange, 404, {.message = "No <b>such</b> thing.", .detail = "hidden"});
  const std::string page = exchange.content();
  EXPECT_EQ(exchange.response.status, 404);
  EXPECT_EQ(exchange.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(exchange.field("Cache-Control"), "no-store");
  EXPECT_THAT(page, HasSubstr("<title>404 Not Found</title>"));
  EXPECT_THAT(page, HasSubstr("No &lt;b&gt;such&lt;/b&gt; thing."));
  EXPECT_THAT(page, HasSubstr("<code>000000000000002a</code>"));
  EXPECT_THAT(page, HasSubstr("color-scheme:light dark"));
  EXPECT_THAT(page, Not(HasSubstr("hidden")));
  EXPECT_THAT(page, Not(HasSubstr("http")));  // nothing from elsewhere
  EXPECT_THAT(page, Not(HasSubstr("<script")));
}

TEST_F(Pages, DetailInDevelopment) {
  const ErrorPages pages({.detail = Detail::kShow, .pages = {{500, "<p>own"}}});
  FakeExchange exchange(loop, "GET", "/");
  exchange.request.fields.add(KnownName::kAccept, "text/html");
  pages.answer(exchange, 500, {.detail = "exec /cgi-bin/a: <No such file>\nline 2"});
  EXPECT_THAT(exchange.content(), HasSubstr("<pre>exec /cgi-bin/a: &lt;No such file&gt;\nline 2</pre>"));
}

TEST_F(Pages, TextAndJson) {
  const ErrorPages pages;
  FakeExchange text(loop, "GET", "/");
  pages.answer(text, 503);
  EXPECT_EQ(text.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(text.content(), HasSubstr("503 Service Unavailable\n"));
  EXPECT_THAT(text.content(), HasSubstr("Request 000000000000002a\n"));
  FakeExchange json(loop, "GET", "/");
  json.request.fields.add(KnownName::kAccept, "application/problem+json");
  pages.answer(json, 502, {.message = "a \"quote\" \xff"});
  EXPECT_EQ(json.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(json.content(),
            "{\n \"type\": \"about:blank\",\n \"title\": \"Bad Gateway\",\n \"status\": 502,\n"
            " \"detail\": \"a \\\"quote\\\" \xef\xbf\xbd\",\n \"request\": \"000000000000002a\"\n}\n");
}

struct CountingHolder final : http::Holder {
  void hold() override { ++count; }
  void release() override { --count; }
  int count = 1;
};

TEST_F(Pages, ReplacesWhatAHandlerHasBegun) {
  const ErrorPages pages;
  CountingHolder holder;
  FakeExchange exchange(loop, "GET", "/");
  http::Response& response = exchange.response;
  response.status = 200;
  response.holder = &holder;
  response.prepared_fields = "ETag: \"x\"\r\n";
  response.fields.add(KnownName::kContentType, "image/png");
  response.fields.add(KnownName::kAllow, "GET");
  response.length = 7;
  pages.answer(exchange, 405);
  EXPECT_EQ(holder.count, 0);
  EXPECT_EQ(response.holder, nullptr);
  EXPECT_EQ(exchange.field("ETag"), "");
  EXPECT_EQ(exchange.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(exchange.field("Allow"), "GET");
  EXPECT_FALSE(response.length.has_value());
}

TEST_F(Pages, OwnPages) {
  const ErrorPages pages({.pages = {{404, "<p>ours"}}});
  FakeExchange html(loop, "GET", "/");
  pages.answer(html, 404);
  EXPECT_EQ(html.content(), "<p>ours");
  EXPECT_EQ(html.field("Content-Type"), "text/html; charset=utf-8");
  FakeExchange json(loop, "GET", "/");
  json.request.fields.add(KnownName::kAccept, "application/json");
  pages.answer(json, 404);
  EXPECT_THAT(json.content(), HasSubstr("\"status\": 404"));
}

TEST_F(Pages, EveryStatusHasAPage) {
  const ErrorPages pages;
  for (int status = 400; status < 600; ++status) {
    FakeExchange exchange(loop, "GET", "/");
    pages.answer(exchange, status);
    EXPECT_THAT(exchange.content(), HasSubstr(std::to_string(status)));
  }
}

std::string redirect(loop::Loop& loop, RedirectOptions options, std::string_view target) {
  RedirectHandler handler(std::move(options));
  FakeExchange exchange(loop, "GET", target);
  exchange.run(handler);
  return std::to_string(exchange.response.status) + " " + exchange.field("Location");
}

TEST_F(Pages, Redirects) {
  EXPECT_EQ(redirect(loop, {.location = "/new"}, "/old/x?y"), "302 /new");
  EXPECT_EQ(
      redirect(loop,
               {.status = 308, .location = "https://b.test", .prefix = "/old/", .keep_path = KeepPath::kYes},
               "/old/x%20y/z?q"),
      "308 https://b.test/x%20y/z");
  EXPECT_EQ(redirect(loop, {.location = "/", .keep_path = KeepPath::kYes, .keep_query = KeepQuery::kYes},
                     "//evil.test?a"),
            "302 /evil.test?a");
  EXPECT_EQ(redirect(loop, {.location = "/", .prefix = "/a/", .keep_path = KeepPath::kYes}, "/a///evil.test"),
            "302 /evil.test");
  EXPECT_EQ(redirect(loop, {.location = "/new?z", .keep_query = KeepQuery::kYes}, "/old?a=1"), "302 /new?z");
  EXPECT_EQ(redirect(loop, {.location = "/new", .keep_query = KeepQuery::kYes}, "/old?"), "302 /new?");
}

TEST_F(Pages, RedirectPageIsEscaped) {
  RedirectHandler handler({.location = "/new", .keep_path = KeepPath::kYes});
  FakeExchange exchange(loop, "GET", "/\"><script>");
  exchange.run(handler);
  EXPECT_THAT(exchange.content(), HasSubstr("href=\"/new/&quot;&gt;&lt;script&gt;\""));
}

TEST_F(Pages, FixedAnswers) {
  const ErrorPages pages;
  RespondHandler gone({.status = 410}, pages);
  FakeExchange first(loop, "GET", "/");
  first.run(gone);
  EXPECT_EQ(first.response.status, 410);
  EXPECT_THAT(first.content(), HasSubstr("410 Gone"));
  RespondHandler ok({.status = 200, .body = "OK\n"}, pages);
  FakeExchange second(loop, "GET", "/");
  second.run(ok);
  EXPECT_EQ(second.content(), "OK\n");
  EXPECT_EQ(second.field("Content-Type"), "text/plain; charset=utf-8");
  RespondHandler nothing({.status = 204, .body = "ignored"}, pages);
  FakeExchange third(loop, "GET", "/");
  third.run(nothing);
  EXPECT_EQ(third.content(), "");
  EXPECT_EQ(third.field("Content-Type"), "");
}

}  // namespace
}  // namespace remuda::content
