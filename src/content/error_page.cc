// SPDX-License-Identifier: Apache-2.0
//
// Three ways of writing the same few facts.
#include "content/error_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/html.h"
#include "content/accept.h"
#include "http/status.h"

namespace remuda::content {

namespace {

using http::KnownName;

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:15vh auto 2rem;padding:0 1.25rem}"
    "h1{font-size:1.5rem;margin:0 0 .5rem}h1 b{font-weight:800;margin-right:.5rem;opacity:.6}"
    "p{margin:.5rem 0}small{opacity:.65}code{font:13px ui-monospace,monospace}"
    "pre{font:13px/1.45 ui-monospace,monospace;overflow:auto;padding:1rem;border-radius:.5rem;"
    "background:color-mix(in srgb,currentColor 8%,transparent)}";

// What a reader can make of a status; empty where the phrase says it all.
std::string_view usual_message(int status) {
  switch (status) {
    case 400: return "The request is not valid HTTP, so it was not answered.";
    case 403: return "You may not see this.";
    case 404: return "There is nothing at this address.";
    case 405: return "This address does not take requests of that method.";
    case 406: return "This content is not available in a form that you accept.";
    case 408: return "The request did not arrive in time.";
    case 412: return "The content has changed since you saw it.";
    case 413: return "The request is larger than this server takes.";
    case 414: return "The address is longer than this server takes.";
    case 416: return "The content does not have the bytes that were asked for.";
    case 431: return "The request's fields are larger than this server takes.";
    case 500: return "Something went wrong here. The log has the reason.";
    case 501: return "This server does not know how to do that.";
    case 502: return "The application gave no valid answer.";
    case 503: return "This is busy or not available just now. Please try again soon.";
    case 504: return "The application did not answer in time.";
    default: return "";
  }
}

struct Page {
  int status;
  std::string_view reason;
  std::string_view message;
  std::string_view detail;
  std::string id;
};

std::string text_of(const Page& page) {
  std::string text = fmt::format("{} {}\n", page.status, page.reason);
  if (!page.message.empty()) text += fmt::format("{}\n", page.message);
  text += fmt::format("Request {}\n", page.id);
  if (!page.detail.empty()) text += fmt::format("\n{}\n", page.detail);
  return text;
}

std::string html_of(const Page& page) {
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
      "<title>{0} {1}</title>\n<style>{2}</style>\n<h1><b>{0}</b>{1}</h1>\n",
      page.status, page.reason, kStyle);
  if (!page.message.empty()) {
    text += "<p>";
    base::append_html_escaped(text, page.message);
    text += "</p>\n";
  }
  text += fmt::format("<p><small>Request <code>{}</code></small></p>\n", page.id);
  if (!page.detail.empty()) {
    text += "<pre>";
    base::append_html_escaped(text, page.detail);
    text += "</pre>\n";
  }
  return text;
}

// Problem details (RFC 9457); "about:blank" says that the title is the status's own.
std::string json_of(const Page& page) {
  nlohmann::ordered_json object{{"type", "about:blank"}, {"title", page.reason}, {"status", page.status}};
  if (!page.message.empty()) object["detail"] = page.message;
  object["request"] = page.id;
  if (!page.detail.empty()) object["development"] = page.detail;
  return object.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string_view type_of(PageForm form) {
  switch (form) {
    case PageForm::kText: return "text/plain; charset=utf-8";
    case PageForm::kHtml: return "text/html; charset=utf-8";
    case PageForm::kJson: return "application/json";
    case PageForm::kProblemJson: return "application/problem+json";
  }
  return "";
}

void set_content(http::Response& response, std::string_view type, std::string_view bytes) {
  response.fields.remove(KnownName::kContentType);
  response.fields.add(KnownName::kContentType, type);
  response.content = http::MemoryContent{bytes};
}

void start_over(http::Response& response, int status) {
  if (response.holder != nullptr) response.holder->release();
  response.holder = nullptr;
  response.prepared_fields = {};
  response.takeover = nullptr;
  response.internal_redirect = {};
  response.raw = false;
  response.reason = {};
  response.length.reset();
  response.content = std::monostate();
  response.status = status;
}

}  // namespace

ErrorPages::ErrorPages(ErrorPageOptions options) : options_(std::move(options)) {}

void ErrorPages::answer(http::Exchange& exchange, int status, const ErrorText& text) const {
  http::Response& response = exchange.response;
  start_over(response, status);
  if (!http::status_has_content(status)) return;
  for (const KnownName name : {KnownName::kCacheControl, KnownName::kVary, KnownName::kXContentTypeOptions}) {
    response.fields.remove(name);
  }
  response.fields.add(KnownName::kCacheControl, "no-store");
  response.fields.add(KnownName::kVary, "Accept");
  response.fields.add(KnownName::kXContentTypeOptions, "nosniff");
  const PageForm form = wanted_form(exchange.request.fields);
  const bool show = options_.detail == Detail::kShow && !text.detail.empty();
  const auto own = options_.pages.find(status);
  if (own != options_.pages.end() && form != PageForm::kJson && form != PageForm::kProblemJson && !show) {
    return set_content(response, type_of(PageForm::kHtml), own->second);
  }
  const Page page{.status = status,
                  .reason = http::reason_phrase(status),
                  .message = text.message.empty() ? usual_message(status) : text.message,
                  .detail = show ? text.detail : std::string_view(),
                  .id = fmt::format("{:016x}", exchange.request.id)};
  const std::string bytes = form == PageForm::kText   ? text_of(page)
                            : form == PageForm::kHtml ? html_of(page)
                                                      : json_of(page);
  set_content(response, type_of(form), exchange.arena.copy(bytes));
}

}  // namespace remuda::content
