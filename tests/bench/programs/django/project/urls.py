# SPDX-License-Identifier: Apache-2.0
"""A greeting, and the administration."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path


def hello(request):
    return HttpResponse("hello " + request.META["QUERY_STRING"], content_type="text/plain")


urlpatterns = [path("hello", hello), path("admin/", admin.site.urls)]
