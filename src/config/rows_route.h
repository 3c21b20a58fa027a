// SPDX-License-Identifier: Apache-2.0
//
// The rows of [[route]]. Order is the order of the reference; a list of words is
// in the order of its enumeration. Constant data; only options.cc includes this.
#pragma once

#include <array>

#include "config/option.h"
#include "config/rows_units.h"

namespace remuda::config::rows {

using std::string_view_literals::operator""sv;

inline constexpr std::array kListingWords{"off"sv, "html"sv, "json"sv, "auto"sv};
inline constexpr std::array kDotfilesWords{"hide"sv, "serve"sv};
inline constexpr std::array<uint32_t, 5> kRedirectStatuses{301, 302, 303, 307, 308};

inline constexpr std::array kRouteOptions{
    bind<&Route::host>(
        {.name = "host",
         .text = "Host names, without port: exact, or \"*.example.org\" for everything below it.",
         .unset = "any host",
         .example = "[\"example.org\", \"*.example.org\"]"}),
    bind<&Route::path>(
        {.name = "path",
         .text = "\"/a/\" is /a and all below it; \"=/a\" exactly /a; with \"*\" (any characters) a pattern "
                 "for the whole path. Compared with the decoded path.",
         .example = "\"/docs/\""}),
    bind<&Route::method>(
        {.name = "method",
         .text = "Methods; GET includes HEAD. When only the method differs from every route's: 405.",
         .unset = "any method",
         .example = "[\"GET\", \"POST\"]"}),
    bind<&Route::app>({.name = "app",
                       .text = "Action: the application of this name answers.",
                       .unset = "another action is given",
                       .example = "\"git\""}),
    bind<&Route::files, &Files::root>(
        {.name = "files",
         .text = "Action: files of this directory, by what follows the route's path.",
         .unset = "another action is given",
         .example = "\"public\""}),
    bind<&Route::redirect, &Redirect::url>({.name = "redirect",
                                            .text = "Action: send the client to this URL or path.",
                                            .unset = "another action is given",
                                            .example = "\"https://example.org/\""}),
    bind<&Route::respond, &Respond::status>({.name = "respond",
                                             .text = "Action: answer with this status.",
                                             .minimum = 200,
                                             .maximum = 599,
                                             .unit = "status",
                                             .unset = "another action is given",
                                             .example = "404"}),
    bind<&Route::authorize>(
        {.name = "authorize",
         .text = "An application of role authorizer is asked first: what it does not allow, it answers.",
         .unset = "nobody is asked",
         .example = "\"guard\""}),
    bind<&Route::filter>(
        {.name = "filter",
         .text = "An application of role filter gets what the files would have sent, and answers.",
         .unset = "none",
         .example = "\"markdown\"",
         .only_with = "files"}),
    bind<&Route::internal>(
        {.name = "internal",
         .text = "Only internal redirects and X-Accel-Redirect reach it; for clients it is not there."}),
    bind<&Route::redirect, &Redirect::status>({.name = "status",
                                               .text = "Status of the redirect.",
                                               .unit = "status",
                                               .allowed = kRedirectStatuses,
                                               .only_with = "redirect"}),
    bind<&Route::redirect, &Redirect::keep_path>({.name = "keep_path",
                                                  .text = "Append to the URL what follows the route's path.",
                                                  .only_with = "redirect"}),
    bind<&Route::redirect, &Redirect::keep_query>(
        {.name = "keep_query", .text = "Append the query, unless the URL has one.", .only_with = "redirect"}),
    bind<&Route::respond, &Respond::text>({.name = "text",
                                           .text = "Plain text that is the content of the answer.",
                                           .unset = "an error page from 400 on, else nothing",
                                           .example = "\"back at noon\"",
                                           .only_with = "respond"}),
    bind<&Route::files, &Files::index>(
        {.name = "index", .text = "Names tried for a directory, in this order.", .only_with = "files"}),
    bind<&Route::files, &Files::listing>(
        {.name = "listing",
         .text = "Listing of a directory without index; auto goes by the Accept field.",
         .only_with = "files",
         .words = kListingWords}),
    bind<&Route::files, &Files::fallback>(
        {.name = "fallback",
         .text = "File that answers with 200 when there is none: single-page applications.",
         .unset = "404",
         .example = "\"/index.html\"",
         .only_with = "files"}),
    bind<&Route::files, &Files::cache_control>({.name = "cache_control",
                                                .text = "The Cache-Control field of these files.",
                                                .unset = "not sent",
                                                .example = "\"public, max-age=86400\"",
                                                .only_with = "files"}),
    bind<&Route::files, &Files::dotfiles>({.name = "dotfiles",
                                           .text = "Names that begin with a dot: hidden (404) or served.",
                                           .only_with = "files",
                                           .words = kDotfilesWords}),
    bind<&Route::files, &Files::precompressed>(
        {.name = "precompressed",
         .text = "Serve .br, .zst and .gz siblings to clients that accept them.",
         .only_with = "files"}),
};

}  // namespace remuda::config::rows
