from django.db import OperationalError
from django.forms import modelform_factory
from django.shortcuts import redirect, render

from .models import Note

NoteForm = modelform_factory(Note, fields=["text"])


def index(request):
    form = NoteForm(request.POST or None)
    try:
        if form.is_valid():
            form.save()
            return redirect("index")
        notes = list(Note.objects.all()[:20])
    except OperationalError:
        notes = None  # There are no tables yet: the page says what to do.
    return render(request, "notes/index.html", {"form": form, "notes": notes})
