"""Made by `python manage.py makemigrations`."""
