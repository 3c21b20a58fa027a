# SPDX-License-Identifier: Apache-2.0
from django.contrib import admin
from django.urls import path
from polls import views

urlpatterns = [path("admin/", admin.site.urls), path("", views.index), path("add/", views.add),
               path("stream/", views.stream), path("upload/", views.upload), path("fails/", views.fails)]
