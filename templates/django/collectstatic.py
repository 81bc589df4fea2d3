"""Run by `rzap` with the project's own Python: Django's `collectstatic` into a folder of rzap's.

    python collectstatic.py FOLDER ANSWER.json

The project's settings stay as they are but for where the files go, which is changed after they were read;
its storage decides about names (ManifestStaticFilesStorage, WhiteNoise's) and does what it always does after
collecting. The answer says below which URL the project looks for its files, where it looks for the list of
hashed names at run time, and which names are hashed.
"""

import json
import os
import sys


def refuse(text):
    sys.stderr.write(text + "\n")
    sys.exit(3)


def redirect(settings, folder):
    """The settings as they would be with STATIC_ROOT = folder."""
    own_root = settings.STATIC_ROOT
    settings.STATIC_ROOT = folder
    storages = getattr(settings, "STORAGES", None) or {}
    options = storages.get("staticfiles", {}).get("OPTIONS", {})
    # Django 4.2: the storage may be told where to write instead of being left to STATIC_ROOT.
    if "location" in options:
        own_root = options["location"]
        changed = dict(storages["staticfiles"], OPTIONS=dict(options, location=folder))
        settings.STORAGES = dict(storages, staticfiles=changed)
    return own_root


def main(folder, answer):
    import django
    from django.conf import settings

    own_root = redirect(settings, folder)
    django.setup()
    from django.apps import apps

    if not apps.is_installed("django.contrib.staticfiles"):
        refuse("'django.contrib.staticfiles' is not in INSTALLED_APPS, and it is what collects static files")
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.files.storage import FileSystemStorage
    from django.core.management import call_command

    if not isinstance(staticfiles_storage, FileSystemStorage):
        kind = type(getattr(staticfiles_storage, "_wrapped", staticfiles_storage))
        text = "the storage of static files, {}.{}, keeps them elsewhere: rzap would serve what nobody asks for"
        refuse(text.format(kind.__module__, kind.__name__))
    call_command("collectstatic", interactive=False, verbosity=1)

    module = sys.modules.get(settings.SETTINGS_MODULE)
    manifest = getattr(staticfiles_storage, "manifest_name", None)
    if not (manifest and os.path.isfile(os.path.join(folder, manifest))):
        manifest = None
    with open(answer, "w", encoding="utf-8") as file:
        said = {
            "url": staticfiles_storage.base_url,
            "written": str(getattr(module, "STATIC_URL", "") or ""),
            # As Django will: a relative one is looked for where the function runs, in the code folder.
            "root": os.path.realpath(own_root) if own_root else None,
            "manifest": manifest,
            "hashed": sorted(set(getattr(staticfiles_storage, "hashed_files", {}).values())),
        }
        json.dump(said, file)


if __name__ == "__main__":
    # The folder of this script is none of the project's business.
    sys.path.pop(0)
    main(sys.argv[1], sys.argv[2])
