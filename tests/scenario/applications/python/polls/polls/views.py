# SPDX-License-Identifier: Apache-2.0
import os

from django import forms
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from polls.models import Question


class QuestionForm(forms.ModelForm):
    class Meta:
        model = Question
        fields = ["text"]


def index(request):
    return HttpResponse("\n".join(["questions:", *Question.objects.values_list("text", flat=True)]), content_type="text/plain")


def add(request):
    form = QuestionForm(request.POST or None)
    if form.is_valid():
        form.save()
        return redirect("/")
    return HttpResponse(f'<form method="post"><input name="csrfmiddlewaretoken" value="{get_token(request)}">{form}</form>')


def stream(request):
    return StreamingHttpResponse((f"{number}\n" for number in range(1000)), content_type="text/plain")


@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"name": file.name, "size": file.size, "sum": sum(sum(chunk) for chunk in file.chunks()), "pid": os.getpid()})


def fails(request):
    raise RuntimeError("the reason in a view")
